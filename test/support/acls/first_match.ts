// An access list read as it is written, rule by rule: the slow way, without the code under test.

import { isIP } from 'node:net';

export type Match = 'any' | Record<string, unknown>;
export interface Rule {
  permit?: Match;
  deny?: Match;
  count?: Match;
}

export interface Seen {
  srcMac: bigint;
  dstMac: bigint;
  type: number;
  vlan: number;
  pcp: number;
  version?: 4 | 6;
  src?: bigint;
  dst?: bigint;
  protocol?: number;
  sport?: number;
  dport?: number;
  flags?: number;
  icmp?: { type: number; code: number };
  dscp?: number;
  fragment?: 'none' | 'first' | 'later';
  isLink: boolean;
}

const NUMBERS: Record<string, number> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132 };
const TYPES: Record<string, number> = { arp: 0x0806, ipv4: 0x0800, ipv6: 0x86dd };
const FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'];
const number = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
const macNumber = (text: string) => BigInt(`0x${text.replaceAll(':', '')}`);

/** What is in a frame; a VLAN of 0 is a bridge that leaves tags alone. */
export function see(frame: Uint8Array, vlan = 0): Seen {
  const be = (at: number) => frame[at] * 256 + frame[at + 1];
  const seen: Seen = {
    dstMac: number(frame.slice(0, 6)),
    srcMac: number(frame.slice(6, 12)),
    type: be(12),
    vlan,
    pcp: 0,
    isLink: false,
  };
  let at = 14;
  for (let tags = 0; seen.type === 0x8100 && tags < 2 && at + 4 <= frame.length; tags++, at += 4) {
    if (tags === 0) [seen.vlan, seen.pcp] = [be(at) & 0xfff, be(at) >>> 13];
    seen.type = be(at + 2);
  }
  seen.isLink = seen.type === 0x0806;
  if (seen.type === 0x0800) see4(seen, frame.slice(at));
  if (seen.type === 0x86dd) see6(seen, frame.slice(at));
  return seen;
}

function see4(seen: Seen, bytes: Uint8Array): void {
  const be = (at: number) => bytes[at] * 256 + bytes[at + 1];
  const header = (bytes[0] & 15) * 4;
  if (bytes.length < 20 || bytes[0] >>> 4 !== 4 || header < 20 || be(2) < header || bytes.length < header)
    return;
  const offset = be(6) & 0x1fff;
  Object.assign(seen, {
    version: 4,
    src: number(bytes.slice(12, 16)),
    dst: number(bytes.slice(16, 20)),
    protocol: bytes[9],
    dscp: bytes[1] >>> 2,
    fragment: offset > 0 ? 'later' : (be(6) & 0x2000) !== 0 ? 'first' : 'none',
  });
  if (offset === 0) seeTransport(seen, bytes.slice(header, be(2)));
}

/** Without extension headers but that of fragments: nobody makes others here. */
function see6(seen: Seen, bytes: Uint8Array): void {
  if (bytes.length < 40 || bytes[0] >>> 4 !== 6) return;
  const be = (at: number) => bytes[at] * 256 + bytes[at + 1];
  Object.assign(seen, {
    version: 6,
    src: number(bytes.slice(8, 24)),
    dst: number(bytes.slice(24, 40)),
    dscp: (be(0) >>> 6) & 63,
    fragment: 'none',
  });
  let payload = bytes.slice(40, 40 + be(4));
  let protocol = bytes[6];
  if (protocol === 44) {
    seen.fragment = 'first';
    if (payload.length < 8) return;
    protocol = payload[0];
    const isLater = (payload[2] * 256 + payload[3]) >>> 3 > 0;
    payload = payload.slice(8);
    if (isLater) {
      Object.assign(seen, { protocol, fragment: 'later' });
      return;
    }
  }
  seen.protocol = protocol;
  seeTransport(seen, payload);
  const type = seen.icmp?.type ?? 0;
  if (protocol === 58 && payload.length >= 8) seen.isLink = type >= 133 && type <= 137 && bytes[7] === 255;
}

function seeTransport(seen: Seen, bytes: Uint8Array): void {
  const be = (at: number) => bytes[at] * 256 + bytes[at + 1];
  if ([6, 17, 132].includes(seen.protocol ?? 0) && bytes.length >= 4)
    [seen.sport, seen.dport] = [be(0), be(2)];
  if (seen.protocol === 6 && bytes.length >= 14) seen.flags = bytes[13];
  if ([1, 58].includes(seen.protocol ?? 0) && bytes.length >= 2)
    seen.icmp = { type: bytes[0], code: bytes[1] };
}

/** The number of the rule that decides, and those that counted before; -1 = none. */
export function firstMatch(rules: readonly Rule[], seen: Seen): { rule: number; counted: number[] } {
  const counted: number[] = [];
  for (const [index, rule] of rules.entries()) {
    const match = rule.permit ?? rule.deny ?? rule.count ?? 'any';
    if (match !== 'any' && !Object.entries(match).every(([key, value]) => fits(key, value, seen))) continue;
    if (rule.count === undefined) return { rule: index, counted };
    counted.push(index);
  }
  return { rule: -1, counted };
}

function fits(key: string, value: unknown, seen: Seen): boolean {
  const some = (test: (one: never) => boolean) => list(value).some((one) => test(one as never));
  switch (key) {
    case 'from':
      return some((one) => within(one, seen.version, seen.src));
    case 'to':
      return some((one) => within(one, seen.version, seen.dst));
    case 'from_mac':
      return some((one) => fitsMac(one, seen.srcMac));
    case 'to_mac':
      return some((one) => fitsMac(one, seen.dstMac));
    case 'ethertype':
      return some((one: string | number) => (typeof one === 'number' ? one : TYPES[one]) === seen.type);
    case 'vlan':
      return some((one) => inRange(one, seen.vlan));
    case 'pcp':
      return some((one) => one === seen.pcp);
    case 'protocol':
      return (typeof value === 'number' ? value : NUMBERS[String(value)]) === seen.protocol;
    case 'ports':
      return some((one) => inRange(one, seen.dport));
    case 'source_ports':
      return some((one) => inRange(one, seen.sport));
    case 'type':
      return seen.icmp?.type === value;
    case 'code':
      return seen.icmp?.code === value;
    case 'dscp':
      return some((one) => one === seen.dscp);
    case 'fragment':
      return value === seen.fragment || (value === 'any' && ['first', 'later'].includes(seen.fragment ?? ''));
    case 'tcp_flags':
      return String(value)
        .split(',')
        .every((word) => {
          const bit = 1 << FLAGS.indexOf(word.replace('!', ''));
          return seen.flags !== undefined && ((seen.flags & bit) !== 0) !== word.startsWith('!');
        });
    default:
      throw new Error(`nobody knows ${key}`);
  }
}

function inRange(text: string | number, value: number | undefined): boolean {
  const [first, last = first] = String(text).split('-').map(Number);
  return value !== undefined && value >= first && value <= last;
}

function within(text: string, version: 4 | 6 | undefined, address: bigint | undefined): boolean {
  if (text === 'any') return true;
  const [head, length] = text.split('/');
  const family = isIP(head);
  if (family !== version || address === undefined) return false;
  const width = family === 4 ? 32 : 128;
  const shift = BigInt(width - Number(length ?? width));
  return address >> shift === addressNumber(head) >> shift;
}

function addressNumber(text: string): bigint {
  if (isIP(text) === 4) return number(Uint8Array.from(text.split('.').map(Number)));
  const [head, tail = ''] = text.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':'));
  const missing = text.includes('::') ? 8 - words(head).length - words(tail).length : 0;
  const all = [...words(head), ...new Array(missing).fill('0'), ...words(tail)];
  return all.reduce((sum, word) => sum * 0x1_0000n + BigInt(`0x${word}`), 0n);
}

function fitsMac(text: string, mac: bigint): boolean {
  const [head, mask = 'ff:ff:ff:ff:ff:ff'] = text.split('/');
  return (mac & macNumber(mask)) === macNumber(head);
}
