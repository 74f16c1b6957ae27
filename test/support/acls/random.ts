// Random rules and frames of a small world, in which they often meet.

import type { Random } from '../engine/random.ts';
import type { Rule } from './first_match.ts';

const V4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.1.0.1', '192.0.2.9'];
const NETS4 = ['10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/24', '10.0.0.0/30', '0.0.0.0/0', '10.1.0.0/16'];
const V6 = ['fd00::1', 'fd00::2', 'fd00:0:0:1::1', '2001:db8::1'];
const NETS6 = ['fd00::/16', 'fd00::/64', '::/0', '2001:db8::/32'];
const PORTS = [1, 22, 53, 80, 443, 8080, 65_535];
const SPANS = ['1-100', '80-443', '1024-65535', '0-65535'];
const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:01:01', '02:11:00:00:00:01'];
const MASKED = ['02:00:00:00:00:00/ff:ff:ff:00:00:00', '02:00:00:00:01:00/ff:ff:ff:ff:ff:00'];
const DSCPS = [0, 10, 46];
const FLAGS = ['syn,!ack', 'ack', 'fin,psh,urg', '!syn,!rst', 'syn'];

export interface Choice {
  /** Kinds of keys that rules have. */
  mac: boolean;
  vlan: boolean;
}

export function randomRule(random: Random, { mac, vlan }: Choice): Rule {
  const verdict = random.pick(['permit', 'permit', 'deny', 'deny', 'count'] as const);
  if (random.chance(0.04)) return { [verdict]: 'any' };
  const match: Record<string, unknown> = {};
  const some = (probability: number, key: string, value: () => unknown) => {
    if (random.chance(probability)) match[key] = value();
  };
  const oneOrTwo = <T>(values: readonly T[]) =>
    random.chance(0.7) ? random.pick(values) : [random.pick(values), random.pick(values)];
  if (mac) {
    some(0.2, 'from_mac', () => (random.chance(0.5) ? oneOrTwo(MACS) : random.pick(MASKED)));
    some(0.2, 'to_mac', () => random.pick(MACS));
  }
  if (vlan) {
    some(0.2, 'vlan', () => oneOrTwo([0, 10, 20, '10-19', '15-4094']));
    some(0.15, 'pcp', () => oneOrTwo([0, 3, 7]));
  }
  if (random.chance(0.12)) {
    match.ethertype = random.pick(['arp', 0x88b5, ['arp', 'ipv6'], 'ipv4', 'ipv6']);
    return { [verdict]: match };
  }
  const isWide = random.chance(0.35);
  const addresses = isWide ? [...V6, ...NETS6] : [...V4, ...NETS4];
  some(0.5, 'from', () => oneOrTwo(addresses));
  some(0.5, 'to', () => oneOrTwo(addresses));
  some(0.15, 'dscp', () => oneOrTwo(DSCPS));
  const protocol = random.pick([
    'tcp',
    'tcp',
    'udp',
    'udp',
    isWide ? 'icmpv6' : 'icmp',
    'sctp',
    99,
    undefined,
  ]);
  if (protocol !== undefined) match.protocol = protocol;
  const hasPorts = protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
  if (hasPorts) {
    some(0.6, 'ports', () => oneOrTwo<number | string>([...PORTS, ...SPANS]));
    some(0.25, 'source_ports', () => oneOrTwo<number | string>([...PORTS, ...SPANS]));
  }
  if (protocol === 'tcp') some(0.3, 'tcp_flags', () => random.pick(FLAGS));
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    some(0.6, 'type', () => random.pick([0, 3, 8, 128, 135]));
    if (match.type !== undefined) some(0.3, 'code', () => random.pick([0, 1, 3]));
  }
  const isTransport = ['ports', 'source_ports', 'tcp_flags', 'type'].some((key) => key in match);
  some(0.15, 'fragment', () =>
    random.pick(isTransport ? ['none', 'first'] : ['none', 'any', 'first', 'later']),
  );
  return { [verdict]: match };
}

const be16 = (value: number) => [value >>> 8, value & 0xff];
const macBytes = (text: string) => text.split(':').map((part) => Number.parseInt(part, 16));
const wide = (text: string) => {
  const [head, tail = ''] = text.split('::');
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [a, b] = [words(head), words(tail)];
  return [...a, ...new Array(8 - a.length - b.length).fill(0), ...b].flatMap(be16);
};

/** Its checksums are wrong, which no list asks about. @param isTagged whether it may have tags */
export function randomFrame(random: Random, isTagged: boolean): Uint8Array {
  const macs = [...macBytes(random.pick(MACS)), ...macBytes(random.pick(MACS))];
  const tags: number[] = [];
  if (isTagged)
    for (let n = 0; n < 2 && random.chance(0.3); n++)
      tags.push(0x81, 0x00, ...be16((random.pick([0, 3, 7]) << 13) | random.pick([0, 10, 15, 20])));
  if (random.chance(0.08)) return frame(macs, tags, random.pick([0x0806, 0x88b5]), new Array(46).fill(1));
  const isWide = random.chance(0.35);
  const protocol = random.pick([6, 6, 17, 17, isWide ? 58 : 1, 132, 99]);
  const rest = transport(random, protocol);
  return isWide
    ? frame(macs, tags, 0x86dd, packet6(random, protocol, rest))
    : frame(macs, tags, 0x0800, packet4(random, protocol, rest));
}

function frame(macs: number[], tags: number[], type: number, packet: number[]): Uint8Array {
  return Uint8Array.from([...macs, ...tags, ...be16(type), ...packet]);
}

function transport(random: Random, protocol: number): number[] {
  const icmp = protocol === 1 || protocol === 58;
  // A type without a code is one to nftables, and none here; so is a source port without a destination's.
  const length = random.pick([40, 40, 40, 40, 14, 8, ...(icmp ? [3, 2] : [4, 1]), 0]);
  const bytes = new Array(length).fill(0);
  const set = (at: number, value: number) => {
    if (at < length) bytes[at] = value;
  };
  const first = icmp
    ? [random.pick([0, 3, 8, 128, 135]), random.pick([0, 1, 3]), 0, 0]
    : [...be16(random.pick(PORTS)), ...be16(random.pick(PORTS))];
  for (const [at, value] of first.entries()) set(at, value);
  if (protocol === 6) set(13, random.pick([2, 18, 16, 17, 4, 41, 0, 0xc2]));
  return bytes;
}

function packet4(random: Random, protocol: number, rest: number[]): number[] {
  const options = random.chance(0.1) ? [1, 1, 1, 0] : [];
  const fragment = random.pick([0, 0, 0, 0x4000, 0x2000, 0x2001, 1, 0x00b9]);
  const length = 20 + options.length + rest.length;
  return [
    ...[0x45 + options.length / 4, random.pick(DSCPS) << 2, ...be16(length), 0, 7, ...be16(fragment)],
    ...[64, protocol, 0, 0],
    ...random.pick(V4).split('.').map(Number),
    ...random.pick(V4).split('.').map(Number),
    ...options,
    ...rest,
  ];
}

function packet6(random: Random, protocol: number, rest: number[]): number[] {
  const offset = random.pick([undefined, undefined, undefined, 0, 8, 0x5c8]);
  const header = offset === undefined ? [] : [protocol, 0, ...be16(offset | 1), 0, 0, 0, 9];
  const length = header.length + rest.length;
  return [
    ...be16(0x6000 | (random.pick(DSCPS) << 6)),
    ...[0, 0, ...be16(length), offset === undefined ? protocol : 44, random.pick([64, 255])],
    ...wide(random.pick(V6)),
    ...wide(random.pick(V6)),
    ...header,
    ...rest,
  ];
}
