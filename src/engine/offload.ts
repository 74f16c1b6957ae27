// Does a virtio-net header fit the frame behind it? Asked once per frame that carries a request, before tags are
// stripped; what passes may be handed to another TAP as it is, and need not be doubted by egress.
//
// The rules are those of virtio_net_hdr_to_skb (include/linux/virtio_net.h), made stricter where Linux leaves a check
// to the next layer: a GSO frame must be exactly what gso_type says, down to the transport header at csum_start.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ip from '../wire/ip.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../wire/virtio_net.ts';
import * as vlan from '../wire/vlan.ts';

/** Linux uses this gso_size for a meaning of its own (GSO_BY_FRAGS) and refuses it from a device. */
const GSO_BY_FRAGS = 0xffff;

/**
 * Headers before the payload that a GSO frame may have, since every segment repeats them. Ethernet, two tags, IPv4 and
 * TCP with all options need 142 bytes; the rest is for IPv6 extension headers.
 */
export const MAX_GSO_HEADER = 512;

const FREE_HEADERS = ethernet.HEADER_LEN + 2 * vlan.TAG_LEN;

/**
 * Whether the frame of `row`, whose `gsoType` or `csumStart` is not 0, may be forwarded. Columns are as a source leaves them:
 * `start` and `length` of the frame as received, `csumStart` from there. Sets `headerLength`, also from there.
 * A frame that one segment holds is no GSO frame: its gsoType, gsoSize and headerLength become 0.
 * `csumStart` 0 is taken as a finished checksum; Linux accepts such TCP frames, and so do we.
 */
export function checkOffload(batch: FrameBatch, row: number): boolean {
  const { view, rows } = batch;
  const start = rows[row + COLUMN.start];
  const length = rows[row + COLUMN.length];
  const csumStart = rows[row + COLUMN.csumStart];
  const end = start + length;
  rows[row + COLUMN.headerLength] = 0;

  const typeAt = vlan.skip(view, start + ethernet.MACS_LEN, end);
  if (typeAt < 0) return false;
  const l3 = typeAt + 2 - start;
  if (csumStart !== 0) {
    if (csumStart < l3) return false; // would patch the tags or the MACs
    if (csumStart + rows[row + COLUMN.csumOffset] + 2 > length) return false;
  }
  if (rows[row + COLUMN.gsoType] === 0) {
    rows[row + COLUMN.gsoSize] = 0;
    return true;
  }

  const gsoSize = rows[row + COLUMN.gsoSize];
  if (gsoSize === 0 || gsoSize === GSO_BY_FRAGS) return false;
  const found = gsoHeader(
    view,
    start,
    end,
    l3,
    rows[row + COLUMN.gsoType],
    csumStart,
    rows[row + COLUMN.csumOffset],
  );
  if (found < 0) return false;
  const headerLength = found & 0xffff;
  if (length - headerLength <= gsoSize) {
    rows[row + COLUMN.gsoType] = 0;
    rows[row + COLUMN.gsoSize] = 0;
  } else {
    rows[row + COLUMN.headerLength] = headerLength;
  }
  return true;
}

/**
 * Offset of the transport header << 16 | bytes before the payload, both from `origin`; -1 if the headers are not those
 * that `gsoType` promises. `l3` is the offset of the IP header; the EtherType before it and everything up to `end` are
 * the frame's own bytes.
 */
export function gsoHeader(
  view: DataView,
  origin: number,
  end: number,
  l3: number,
  gsoType: number,
  csumStart: number,
  csumOffset: number,
): number {
  const etherType = view.getUint16(origin + l3 - 2);
  const found = ip.transport(view, etherType, origin + l3, end);
  if (found < 0) return -1;
  const protocol = found & 0xff;
  const l4 = l3 + (found >>> 8);
  if (csumStart !== 0 && csumStart !== l4) return -1;

  let headerLength: number;
  if (isTcp(gsoType, etherType)) {
    if (protocol !== PROTOCOL_TCP || origin + l4 + tcp.HEADER_LEN > end) return -1;
    if (csumStart !== 0 && csumOffset !== tcp.CHECKSUM) return -1;
    const dataOffset = tcp.headerLength(view, origin + l4);
    if (dataOffset < tcp.HEADER_LEN) return -1;
    headerLength = l4 + dataOffset;
  } else {
    // Linux refuses UDP_L4 without NEEDS_CSUM, and with the ECN flag.
    if (gsoType !== GSO_UDP_L4 || protocol !== PROTOCOL_UDP || csumStart === 0) return -1;
    if (csumOffset !== udp.CHECKSUM) return -1;
    headerLength = l4 + udp.HEADER_LEN;
  }
  if (headerLength > MAX_GSO_HEADER || origin + headerLength > end) return -1;
  return (l4 << 16) | headerLength;
}

function isTcp(gsoType: number, etherType: number): boolean {
  const type = gsoType & ~GSO_ECN;
  if (type === GSO_TCPV4) return etherType === ethernet.TYPE_IPV4;
  return type === GSO_TCPV6 && etherType === ethernet.TYPE_IPV6;
}

/** Segments on a wire that a GSO frame stands for; 0 for any other. Tagged or not makes no difference. */
export function segmentsOf({ rows }: FrameBatch, row: number): number {
  if (rows[row + COLUMN.gsoType] === 0) return 0;
  const payload = rows[row + COLUMN.length] - rows[row + COLUMN.headerLength];
  return Math.ceil(payload / rows[row + COLUMN.gsoSize]);
}

/** Offset of the layer-3 header in an untagged frame, behind tags that stayed in it. Relies on `classify`. */
export function l3Of({ view, rows }: FrameBatch, row: number): number {
  const rest = rows[row + COLUMN.rest];
  const typeAt = vlan.skip(view, rest, rest + rows[row + COLUMN.length] - ethernet.MACS_LEN);
  return typeAt < 0 ? ethernet.HEADER_LEN : ethernet.HEADER_LEN + typeAt - rest;
}

/**
 * What an MTU limits: the IP packet, without tags that stayed in the frame; of a GSO frame, its largest segment. Two tags
 * are free, as on a bridge of the kernel, which has one of them beside the frame (is_skb_forwardable).
 */
export function l3Length(batch: FrameBatch, row: number): number {
  const { rows } = batch;
  const l3 = l3Of(batch, row);
  if (rows[row + COLUMN.gsoType] !== 0)
    return rows[row + COLUMN.headerLength] + rows[row + COLUMN.gsoSize] - l3;
  return rows[row + COLUMN.length] - Math.min(l3, FREE_HEADERS);
}

/** The offload columns of a frame of which a tag was taken off: everything behind the MACs moves closer. */
export function moveOffload(rows: Int32Array, row: number, by: number): void {
  if (rows[row + COLUMN.csumStart] !== 0) rows[row + COLUMN.csumStart] -= by;
  if (rows[row + COLUMN.gsoType] !== 0) rows[row + COLUMN.headerLength] -= by;
}
