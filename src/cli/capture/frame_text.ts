// One frame in one line, for people. Everything comes from numbers, so that nothing which a network sends can reach the
// terminal as it is.

import { formatIp } from '../../wire/ip_address.ts';
import { formatMac, macAt } from '../../wire/mac.ts';

const ETHERTYPES: Record<number, string> = {
  2054: 'ARP',
  32821: 'RARP',
  34824: 'pause',
  34825: 'LACP',
  34958: 'EAPOL',
  35020: 'LLDP',
};
const PROTOCOLS: Record<number, string> = {
  1: 'ICMP',
  2: 'IGMP',
  6: 'TCP',
  17: 'UDP',
  47: 'GRE',
  50: 'ESP',
  58: 'ICMP6',
  89: 'OSPF',
  112: 'VRRP',
  132: 'SCTP',
};
const WITH_PORTS = new Set([6, 17, 132]);
/** Extension headers of IPv6 that tell where the next one is: hop by hop, routing, destination options. */
const EXTENSIONS = new Set([0, 43, 60]);
const FRAGMENT = 44;
const TAGS = new Set([0x8100, 0x88a8, 0x9100]);
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];
const ICMP: Record<number, string> = {
  0: 'echo reply',
  3: 'unreachable',
  8: 'echo request',
  11: 'time exceeded',
};
const ICMP6: Record<number, string> = {
  1: 'unreachable',
  2: 'packet too big',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
  143: 'multicast listener report',
};

/** @param bytes what is there of a frame; @param length bytes that it had */
export function frameText(bytes: Uint8Array, length: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 14)
    return `${bytes.length === 0 ? 'its bytes are gone' : 'too short'}, length ${length}`;
  const words: string[] = [`${macText(view, 6)} > ${macText(view, 0)}`];
  let at = 12;
  while (TAGS.has(view.getUint16(at)) && at + 6 <= bytes.length) {
    const tci = view.getUint16(at + 2);
    words.push(`vlan ${tci & 0xfff}${tci >> 13 === 0 ? '' : ` p ${tci >> 13}`}`);
    at += 4;
  }
  const type = view.getUint16(at);
  words.push(layer3(view, at + 2, type));
  return `${words.filter((word) => word !== '').join(' ')}, length ${length}`;
}

function layer3(view: DataView, at: number, type: number): string {
  const room = view.byteLength - at;
  if (type === 0x0800 && room >= 20) return ipv4(view, at);
  if (type === 0x86dd && room >= 40) return ipv6(view, at);
  if (type === 0x0806 && room >= 28 && view.getUint16(at + 2) === 0x0800) return arp(view, at);
  if (type < 0x600) return room >= 3 && view.getUint16(at) === 0x4242 ? 'STP' : 'LLC';
  return ETHERTYPES[type] ?? `type 0x${type.toString(16).padStart(4, '0')}`;
}

function arp(view: DataView, at: number): string {
  const sender = address(view, at + 14, 4);
  const target = address(view, at + 24, 4);
  return view.getUint16(at + 6) === 1
    ? `ARP who has ${target}, tell ${sender}`
    : `ARP ${sender} is at ${macText(view, at + 8)}`;
}

function ipv4(view: DataView, at: number): string {
  const from = address(view, at + 12, 4);
  const to = address(view, at + 16, 4);
  const offset = view.getUint16(at + 6) & 0x1fff;
  const protocol = view.getUint8(at + 9);
  if (offset > 0) return `${from} > ${to} ${protocolText(protocol)} fragment at ${8 * offset}`;
  return layer4(view, at + 4 * (view.getUint8(at) & 15), protocol, from, to);
}

function ipv6(view: DataView, at: number): string {
  const from = address(view, at + 8, 16);
  const to = address(view, at + 24, 16);
  let next = view.getUint8(at + 6);
  let then = at + 40;
  // Bounded by the frame: each header has at least 8 bytes.
  while (EXTENSIONS.has(next) && then + 2 <= view.byteLength) {
    next = view.getUint8(then);
    then += 8 * (view.getUint8(then + 1) + 1);
  }
  if (next === FRAGMENT) return `${from} > ${to} fragment`;
  return layer4(view, then, next, from, to);
}

function layer4(view: DataView, at: number, protocol: number, from: string, to: string): string {
  const name = protocolText(protocol);
  const room = view.byteLength - at;
  if (WITH_PORTS.has(protocol) && room >= 4) {
    const ports = [view.getUint16(at), view.getUint16(at + 2)];
    const flags = protocol === 6 && room >= 14 ? tcpFlags(view.getUint8(at + 13)) : '';
    return `${withPort(from, ports[0])} > ${withPort(to, ports[1])} ${name}${flags}`;
  }
  const kinds = protocol === 1 ? ICMP : protocol === 58 ? ICMP6 : undefined;
  if (kinds === undefined || room < 1) return `${from} > ${to} ${name}`;
  const kind = view.getUint8(at);
  return `${from} > ${to} ${name} ${kinds[kind] ?? `type ${kind}`}`;
}

function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function tcpFlags(flags: number): string {
  const set = TCP_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0);
  return set.length === 0 ? '' : ` [${set.join(' ')}]`;
}

function protocolText(protocol: number): string {
  return PROTOCOLS[protocol] ?? `protocol ${protocol}`;
}

function address(view: DataView, at: number, length: 4 | 16): string {
  return formatIp(new Uint8Array(view.buffer, view.byteOffset + at, length));
}

function macText(view: DataView, at: number): string {
  const { hi, lo } = macAt(view, at);
  return formatMac(hi, lo);
}

/** Names that came by a stream: what could steer a terminal (controls, formats, separators) is shown as a number. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (letter) => `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Local time of day, to the nanosecond. */
export function timeText(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) =>
    String(n).padStart(2, '0'),
  );
  return `${clock.join(':')}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}`;
}
