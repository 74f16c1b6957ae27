// Neighbour solicitations and advertisements as values, for the control plane: RFC 4861 sections 4.3, 4.4 and 7.1.

import { add, finish, pseudo6 } from './checksum.ts';
import * as ethernet from './ethernet.ts';
import { NEXT_HEADER_ICMPV6 } from './icmpv6.ts';
import { type IpBytes, isMulticastIp, isUnspecifiedIp } from './ip_address.ts';
import * as ipv6 from './ipv6.ts';
import { isGroupMac, type Mac, macAt } from './mac.ts';
import * as neighbour from './neighbour.ts';

const IP = ethernet.HEADER_LEN;
const MESSAGE = IP + ipv6.HEADER_LEN;
const CHECKSUM = MESSAGE + 2;
const FLAGS = MESSAGE + 4;
const OPTIONS = MESSAGE + 24;
const OPTION_UNIT = 8;
const SOURCE_OPTION = 1;
const TARGET_OPTION = 2;

export interface NeighbourMessage {
  readonly kind: 'solicitation' | 'advertisement';
  /** ::, of one who looks whether `target` is free (RFC 4862 section 5.4). */
  readonly source: IpBytes;
  readonly target: IpBytes;
  /** Of the source or the target, whom the message is about. */
  readonly mac: Mac | undefined;
  /** Of an advertisement. */
  readonly isSolicited: boolean;
  readonly overrides: boolean;
}

/** Undefined if it is another frame, not whole, or invalid. */
export function parseNeighbourMessage(frame: Uint8Array): NeighbourMessage | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < OPTIONS || ethernet.etherType(view, 0) !== ethernet.TYPE_IPV6) return undefined;
  const type = neighbour.typeOf(view, IP, frame.length);
  if (type < 0) return undefined;
  const target = frame.slice(neighbour.targetAt(IP), neighbour.targetAt(IP) + 16);
  const source = frame.slice(IP + ipv6.SRC, IP + ipv6.SRC + 16);
  if (isMulticastIp(target) || isMulticastIp(source)) return undefined;
  const end = MESSAGE + ipv6.payloadLength(view, IP);
  const isAsking = type === neighbour.SOLICITATION;
  const option = optionAt(view, end, isAsking ? SOURCE_OPTION : TARGET_OPTION);
  if (option === undefined) return undefined;
  const mac = option === 0 ? undefined : macAt(view, option + 2);
  if (mac !== undefined && isGroupMac(mac.hi)) return undefined;
  if (isAsking && isUnspecifiedIp(source) && mac !== undefined) return undefined;
  const flags = view.getInt32(FLAGS);
  return {
    kind: isAsking ? 'solicitation' : 'advertisement',
    source,
    target,
    mac,
    isSolicited: !isAsking && (flags & neighbour.SOLICITED) !== 0,
    overrides: !isAsking && (flags & neighbour.OVERRIDE) !== 0,
  };
}

/** Where the option of a type with a MAC address begins; 0 = there is none, undefined = options are broken. */
function optionAt(view: DataView, end: number, type: number): number | undefined {
  let found = 0;
  for (let at = OPTIONS; at < end; ) {
    const length = at + 2 > end ? 0 : view.getUint8(at + 1) * OPTION_UNIT;
    if (length === 0 || at + length > end) return undefined;
    if (found === 0 && view.getUint8(at) === type && length === OPTION_UNIT) found = at;
    at += length;
  }
  return found;
}

/** Asks who has `target`: `to` alone, or all whose address ends as it does. `source` ::, the sender only looks whether it is free. */
export function solicitation(from: Mac, source: IpBytes, target: IpBytes, to?: Mac): Uint8Array {
  const group = to === undefined ? solicitedGroup(target) : target;
  const mac = to ?? groupMac(group);
  const frame = build(neighbour.SOLICITATION, 0, from, mac, source, group, target);
  return isUnspecifiedIp(source) ? withoutOption(frame) : frame;
}

/** Tells everybody, unasked, that `address` is at `from` (section 7.2.6). */
export function unsolicited(from: Mac, address: IpBytes): Uint8Array {
  const flags = neighbour.OVERRIDE | ROUTER;
  return build(neighbour.ADVERTISEMENT, flags, from, groupMac(ALL_NODES), address, ALL_NODES, address);
}

const ROUTER = 0x8000_0000 | 0;
/** ff02::1 */
const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX. */
function solicitedGroup(address: IpBytes): IpBytes {
  return Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...address.subarray(13));
}

/** RFC 2464 section 7. */
function groupMac(group: IpBytes): Mac {
  return { hi: 0x3333, lo: new DataView(group.buffer, group.byteOffset).getInt32(12) };
}

function build(
  type: number,
  flags: number,
  from: Mac,
  to: Mac,
  source: IpBytes,
  destination: IpBytes,
  target: IpBytes,
): Uint8Array {
  const frame = new Uint8Array(neighbour.FRAME_LEN);
  const view = new DataView(frame.buffer);
  frame.set(source, IP + ipv6.SRC);
  frame.set(destination, IP + ipv6.DST);
  frame.set(target, neighbour.targetAt(IP));
  neighbour.write(view, 0, type, flags, from.hi, from.lo, to.hi, to.lo);
  return frame;
}

/** RFC 4861 section 4.3: one who has no address yet does not say where it is. */
function withoutOption(whole: Uint8Array): Uint8Array {
  const frame = whole.slice(0, whole.length - OPTION_UNIT);
  const view = new DataView(frame.buffer);
  ipv6.setPayloadLength(view, IP, frame.length - MESSAGE);
  view.setUint16(CHECKSUM, 0);
  const sum = pseudo6(view, IP, NEXT_HEADER_ICMPV6, frame.length - MESSAGE);
  view.setUint16(CHECKSUM, finish(add(view, MESSAGE, frame.length, sum)));
  return frame;
}
