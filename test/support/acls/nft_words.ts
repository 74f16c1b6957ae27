// A rule of an access list in the words of nftables' bridge family. What is one of several is several rules: sets there must not overlap.

import { parseTcpFlags } from '../../../src/config/acl_match.ts';
import type { Rule } from './first_match.ts';

const NUMBERS: Record<string, number> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132 };
const TYPES: Record<string, string> = { arp: '0x0806', ipv4: '0x0800', ipv6: '0x86dd' };
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
type Family = 4 | 6 | undefined;

const FIRST4 = 'ip frag-off & 0x1fff == 0';
const FIRST6 = ['ether type 0x86dd exthdr frag missing', 'frag frag-off 0'];
const TRANSPORT = ['ports', 'source_ports', 'tcp_flags', 'type'];

/** What behind the last rule lets ARP and neighbour discovery pass. */
export const END = [
  'ether type 0x0806 accept',
  ...['exthdr frag missing ip6 length > 7', 'frag frag-off 0 ip6 length > 15'].map(
    (whole) => `ether type 0x86dd ip6 hoplimit 255 ${whole} icmpv6 type 133-137 accept`,
  ),
];

/** Empty: it only counts. */
export function nftLines(rule: Rule): string[] {
  const match = rule.permit ?? rule.deny;
  if (match === undefined) return [];
  const verdict = rule.permit === undefined ? 'drop' : 'accept';
  if (match === 'any') return [verdict];
  const families: Family[] = familiesOf(match);
  return families.flatMap((family) => {
    // Of later fragments the kernel would read ports, too.
    const firsts = !TRANSPORT.some((key) => key in match) ? [''] : family === 4 ? [FIRST4] : FIRST6;
    return Object.entries(match)
      .reduce<string[]>((lines, [key, value]) => {
        const words = list(value).map((one) => wordsOf(key, one, family, match));
        return lines.flatMap((line) => words.map((word) => `${line} ${word}`));
      }, firsts)
      .map((line) => `${line} ${verdict}`.trim());
  });
}

function familiesOf(match: Record<string, unknown>): Family[] {
  const address = list(match.from ?? match.to)[0];
  if (address !== undefined) return [String(address).includes(':') ? 6 : 4];
  const isOfIp = ['dscp', 'fragment', ...TRANSPORT].some((key) => key in match);
  return isOfIp ? [4, 6] : [undefined];
}

function wordsOf(key: string, one: unknown, family: Family, match: Record<string, unknown>): string {
  const ip = family === 6 ? 'ip6' : 'ip';
  const protocol = match.protocol;
  switch (key) {
    case 'from':
      return `${ip} saddr ${one}`;
    case 'to':
      return `${ip} daddr ${one}`;
    case 'ethertype':
      return `ether type ${typeof one === 'number' ? one : TYPES[String(one)]}`;
    case 'protocol':
      return `meta l4proto ${typeof one === 'number' ? one : NUMBERS[String(one)]}`;
    case 'ports':
      return `${protocol} dport ${one}`;
    case 'source_ports':
      return `${protocol} sport ${one}`;
    case 'tcp_flags': {
      const { mask, set } = parseTcpFlags(String(one)) ?? { mask: 0, set: 0 };
      return `@th,104,8 & ${mask} == ${set}`;
    }
    // The first byte of the message, and the second.
    case 'type':
      return `@th,0,8 ${one}`;
    case 'code':
      return `@th,8,8 ${one}`;
    case 'dscp':
      return `${ip} dscp ${one}`;
    case 'fragment':
      return fragment[String(one)][family === 6 ? 1 : 0];
    default:
      throw new Error(`nobody says ${key} there`);
  }
}

const fragment: Record<string, [string, string]> = {
  none: ['ip frag-off & 0x3fff == 0', 'ether type 0x86dd exthdr frag missing'],
  any: ['ip frag-off & 0x3fff != 0', 'exthdr frag exists'],
  first: ['ip frag-off & 0x3fff == 0x2000', 'frag frag-off 0'],
  later: ['ip frag-off & 0x1fff != 0', 'frag frag-off != 0'],
};
