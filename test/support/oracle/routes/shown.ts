// What came out, as lines that can be compared: `PORT: HEX` in no order, since Linux' routers take a packet each in turn. What a router
// says by itself is left out (neighbours, groups, redirects), and what each numbers as it likes is zero in its own packets.

import { canonicalIp, formatIp } from '../../../../src/wire/ip_address.ts';
import { sumOf } from '../../engine/packets.ts';
import { address4, address6, NETWORKS, routerHost } from './routed_world.ts';
import { frameOf, type Request, requestOf } from './vnet_frames.ts';

const TYPE = 12;
const L3 = 14;
const ICMP = 1;
const ICMPV6 = 58;
const ECHO_REPLY = 0;
/** Code of a time that is exceeded. */
const REASSEMBLY = 1;
/** Of ICMP, those that routers send. */
const ERRORS = [3, 11, 12];
/** ICMPv6: listeners, routers and neighbours, redirects, and listeners again. */
const OF_THE_LINK = [130, 131, 132, 133, 134, 135, 136, 137, 143];

/** ICMP: no way, or it is forbidden. Linux tells a host five times, then once a second, and no setting changes that. */
export const LIMITED = /^h\d: .{24}0800.{18}01.{20}03(00|01|0d)/;

const OWN = new Set(
  NETWORKS.flatMap(({ number, routers }) => routers.map((r) => address4(number, routerHost(r)))),
);

const OWN6 = new Set(
  NETWORKS.flatMap(({ number, routers }) => routers.map((r) => canonicalIp(address6(number, routerHost(r))))),
);

/** A line of `shown` with what a router says itself, over IPv6. */
export function isOfRouter6(line: string): boolean {
  const frame = Buffer.from(line.split(' ')[1], 'hex');
  return frame.readUInt16BE(TYPE) === 0x86dd && OWN6.has(formatIp(frame.subarray(L3 + 8, L3 + 24)));
}

/**
 * A line of `shown` with a router's word that the hops of a router's packet have ended. Routers begin with 64, which end only in a
 * circle; those of scenes are shorter than Taploom's limit, 15 routers (row 37).
 */
export function isEndOfCircle(line: string): boolean {
  const frame = Buffer.from(line.split(' ')[1], 'hex');
  const l4 = timeExceeded(frame);
  if (l4 === 0 || frame[l4 + 1] === REASSEMBLY) return false;
  const quoted = frame.subarray(l4 + 8);
  return isIpv6(frame)
    ? OWN6.has(formatIp(quoted.subarray(8, 24)))
    : OWN.has([...quoted.subarray(12, 16)].join('.'));
}

export function shown(egress: ReadonlyMap<string, readonly string[]>): string[] {
  return [...egress]
    .flatMap(([port, frames]) =>
      frames
        .map((hex) => Buffer.from(hex, 'hex'))
        .map((vnet) => ({ frame: frameOf(vnet), request: requestOf(vnet) }))
        .filter(({ frame }) => !isOfTheLink(frame) && !isOverdue(frame))
        .map(({ frame, request }) => `${port}: ${comparable(frame).toString('hex')}${requested(request)}`),
    )
    .sort();
}

/** What is left to network cards. */
function requested({ gsoType, gsoSize, csumStart, csumOffset }: Request): string {
  return csumStart === 0 ? '' : ` type ${gsoType} size ${gsoSize} sum ${csumStart}+${csumOffset}`;
}

function isOfTheLink(frame: Buffer): boolean {
  const type = frame.readUInt16BE(TYPE);
  if (type === 0x0806) return true;
  if (type !== 0x86dd) return false;
  // Reports to groups have a hop-by-hop header before them.
  const at = frame[L3 + 6] === 0 ? L3 + 48 : L3 + 40;
  const next = frame[L3 + 6] === 0 ? frame[L3 + 40] : frame[L3 + 6];
  return next === 58 && OF_THE_LINK.includes(frame[at]);
}

/** What a kernel says of a fragment for itself, half a minute after it came: ours puts nothing together (row 40). */
function isOverdue(frame: Buffer): boolean {
  const l4 = timeExceeded(frame);
  return l4 > 0 && frame[l4 + 1] === REASSEMBLY;
}

/** Where an error says that a time is exceeded; 0: it is another packet. */
function timeExceeded(frame: Buffer): number {
  const is6 = isIpv6(frame);
  const l4 = L3 + (is6 ? 40 : headerLength(frame, L3));
  const isOne = is6
    ? frame[L3 + 6] === ICMPV6 && frame[l4] === 3
    : frame[L3 + 9] === ICMP && frame[l4] === 11;
  return isOne ? l4 : 0;
}

function isIpv6(frame: Buffer): boolean {
  return frame.readUInt16BE(TYPE) === 0x86dd;
}

/** A router numbers its packets as it likes, and an echo reply may forbid to be fragmented. Also where an error quotes one. */
function comparable(frame: Buffer): Buffer {
  if (frame.readUInt16BE(TYPE) !== 0x0800 || frame[L3 + 9] !== ICMP) return frame;
  const bytes = Buffer.from(frame);
  const l4 = L3 + headerLength(bytes, L3);
  if (ERRORS.includes(bytes[l4]) && unnumber(bytes, l4 + 8)) bytes.writeUInt16BE(0, l4 + 2);
  unnumber(bytes, L3);
  return bytes;
}

/** Whether the packet at `at` is a router's own, and has no number and no checksum any more. */
function unnumber(bytes: Buffer, at: number): boolean {
  if (at + 20 > bytes.length || !OWN.has([...bytes.subarray(at + 12, at + 16)].join('.'))) return false;
  const length = headerLength(bytes, at);
  if (sumOf(bytes, at, at + length) !== 0xffff) return false;
  bytes.writeUInt16BE(0, at + 4);
  if (bytes[at + length] === ECHO_REPLY) bytes[at + 6] &= ~0x40;
  bytes.writeUInt16BE(0, at + 10);
  return true;
}

function headerLength(bytes: Buffer, at: number): number {
  return (bytes[at] & 15) * 4;
}
