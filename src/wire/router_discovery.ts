// Router discovery, RFC 4861 section 4: solicitations of hosts, and advertisements of routers, with resolvers (RFC 8106).
//
//   133 | 0 | checksum | reserved 4 | options ...
//   134 | 0 | checksum | hop limit | M O ... | router lifetime 2 | reachable time 4 | retrans timer 4 | options ...
//   option: type | length in units of 8 bytes | data

import { isDomain, searchList } from './dhcp4/values.ts';
import * as icmpv6 from './icmpv6.ts';
import { type IpBytes, isUnspecifiedIp, parseIp } from './ip_address.ts';
import type { IpPrefix } from './ip_prefix.ts';
import { MIN_MTU } from './ipv6.ts';
import { buildIpv6Frame, multicastMac, type Packet6, parseIpv6Frame, type Way6 } from './ipv6_frame.ts';
import type { Mac } from './mac.ts';

/** What nobody who is farther away can send. */
const HOP_LIMIT = 255;
const SOLICITATION_LEN = 8;
const ADVERTISEMENT_LEN = 16;
/** That hosts are to send with; RFC 1700's default. */
const CURRENT_HOP_LIMIT = 64;
const OPTION = { sourceLink: 1, prefix: 3, mtu: 5, resolvers: 25, search: 31 } as const;
const FLAGS = { managed: 0x80, other: 0x40, onLink: 0x80, autonomous: 0x40 } as const;
/** Addresses that hosts make take the other 64 bits (RFC 4291 section 2.5.1). */
const INTERFACE_BITS = 64;
const ALL_NODES = parseIp('ff02::1') as IpBytes;
const ALL_ROUTERS = parseIp('ff02::2') as IpBytes;
/** 8 bytes of an option are one unit, and its length is a byte. */
const MAX_OPTION = 255 * 8;

/** Times in seconds. */
export interface Advertisement {
  readonly mac: Mac;
  /** Link-local. */
  readonly source: IpBytes;
  /** 0: it is no default router. */
  readonly routerLifetime: number;
  /** Addresses are had by DHCPv6; other settings are. */
  readonly managed: boolean;
  readonly other: boolean;
  /** On the link. */
  readonly prefixes: readonly IpPrefix[];
  /** Whether hosts make addresses of their own, in prefixes of 64 bits. */
  readonly autonomous: boolean;
  readonly validLifetime: number;
  readonly preferredLifetime: number;
  /** Undefined: what the medium has. */
  readonly mtu: number | undefined;
  readonly resolvers: readonly IpBytes[];
  readonly search: readonly string[];
  readonly dnsLifetime: number;
}

export interface Solicitation {
  readonly mac: Mac;
  /** Undefined: the host has no address yet. */
  readonly source: IpBytes | undefined;
}

/** Undefined: it is none, or one that must not be heard (RFC 4861 section 6.1.1). */
export function parseSolicitation(frame: Uint8Array): Solicitation | undefined {
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string' || packet.protocol !== icmpv6.NEXT_HEADER_ICMPV6) return undefined;
  const { view, at, end, hopLimit, src, srcMac } = packet;
  const isWhole = hopLimit === HOP_LIMIT && end - at >= SOLICITATION_LEN;
  if (!isWhole || view.getUint8(at) !== icmpv6.ROUTER_SOLICITATION || view.getUint8(at + 1) !== 0)
    return undefined;
  const types = optionTypes(packet, at + SOLICITATION_LEN);
  if (types === undefined) return undefined;
  const isNobody = isUnspecifiedIp(src);
  return isNobody && types.includes(OPTION.sourceLink)
    ? undefined
    : { mac: srcMac, source: isNobody ? undefined : src };
}

/** Of a host that has a link-local address, to all routers. */
export function solicitationFrame(mac: Mac, source: IpBytes): Uint8Array {
  const way: Way6 = { srcMac: mac, src: source, dstMac: multicastMac(ALL_ROUTERS), dst: ALL_ROUTERS };
  const head = Buffer.alloc(SOLICITATION_LEN);
  head[0] = icmpv6.ROUTER_SOLICITATION;
  return buildIpv6Frame(way, icmpv6.NEXT_HEADER_ICMPV6, HOP_LIMIT, Buffer.concat([head, sourceOption(mac)]));
}

/** Whether the frame is a solicitation of a host, or an advertisement of a router. */
export function isSolicitation(frame: Uint8Array): boolean {
  return typeOf(frame) === icmpv6.ROUTER_SOLICITATION;
}

export function isAdvertisement(frame: Uint8Array): boolean {
  return typeOf(frame) === icmpv6.ROUTER_ADVERTISEMENT;
}

/** Of an ICMPv6 message; 0: it is none. */
function typeOf(frame: Uint8Array): number {
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string' || packet.protocol !== icmpv6.NEXT_HEADER_ICMPV6) return 0;
  return packet.view.getUint8(packet.at);
}

/** Undefined: they are not whole, or one has no length, which would be read for ever. */
function optionTypes({ view, end }: Packet6, from: number): number[] | undefined {
  const types: number[] = [];
  let at = from;
  while (at < end) {
    const length = at + 2 > end ? 0 : view.getUint8(at + 1) * 8;
    if (length === 0 || at + length > end) return undefined;
    types.push(view.getUint8(at));
    at += length;
  }
  return types;
}

/** To one host, or to all of the link. */
export function advertisementFrame(said: Advertisement, to?: { mac: Mac; address: IpBytes }): Uint8Array {
  const way: Way6 = {
    srcMac: said.mac,
    src: said.source,
    dstMac: to?.mac ?? multicastMac(ALL_NODES),
    dst: to?.address ?? ALL_NODES,
  };
  return buildIpv6Frame(way, icmpv6.NEXT_HEADER_ICMPV6, HOP_LIMIT, message(said));
}

function message(said: Advertisement): Uint8Array {
  const head = Buffer.alloc(ADVERTISEMENT_LEN);
  head[0] = icmpv6.ROUTER_ADVERTISEMENT;
  head[4] = CURRENT_HOP_LIMIT;
  head[5] = (said.managed ? FLAGS.managed : 0) | (said.other ? FLAGS.other : 0);
  head.writeUInt16BE(said.routerLifetime, 6);
  return Buffer.concat([
    head,
    sourceOption(said.mac),
    ...said.prefixes.map((prefix) => prefixOption(prefix, said)),
    ...(said.mtu === undefined || said.mtu < MIN_MTU ? [] : [mtuOption(said.mtu)]),
    ...(said.resolvers.length === 0
      ? []
      : [dnsOption(OPTION.resolvers, said, Buffer.concat(said.resolvers))]),
    ...searchOption(said),
  ]);
}

function sourceOption({ hi, lo }: Mac): Buffer {
  const option = Buffer.from([OPTION.sourceLink, 1, 0, 0, 0, 0, 0, 0]);
  option.writeUInt16BE(hi, 2);
  option.writeInt32BE(lo, 4);
  return option;
}

function prefixOption(
  prefix: IpPrefix,
  { autonomous, validLifetime, preferredLifetime }: Advertisement,
): Buffer {
  const option = Buffer.alloc(32);
  option[0] = OPTION.prefix;
  option[1] = 4;
  option[2] = prefix.bits;
  option[3] = FLAGS.onLink | (autonomous && prefix.bits === INTERFACE_BITS ? FLAGS.autonomous : 0);
  option.writeUInt32BE(validLifetime, 4);
  option.writeUInt32BE(preferredLifetime, 8);
  option.set(prefix.address, 16);
  return option;
}

function mtuOption(mtu: number): Buffer {
  const option = Buffer.from([OPTION.mtu, 1, 0, 0, 0, 0, 0, 0]);
  option.writeUInt32BE(mtu, 4);
  return option;
}

function searchOption(said: Advertisement): Buffer[] {
  const names = searchList(said.search.filter(isDomain));
  return names.length === 0 || names.length > MAX_OPTION - 16 ? [] : [dnsOption(OPTION.search, said, names)];
}

/** RFC 8106 section 5: type | length | reserved 2 | lifetime 4 | data, with zeros up to 8 bytes. */
function dnsOption(type: number, { dnsLifetime }: Advertisement, data: Uint8Array): Buffer {
  const option = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8);
  option[0] = type;
  option[1] = option.length / 8;
  option.writeUInt32BE(dnsLifetime, 4);
  option.set(data, 8);
  return option;
}
