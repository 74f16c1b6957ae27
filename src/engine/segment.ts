// Checksums and segmentation in software, for egress that cannot take a frame's offload request: VXLAN, memory ports
// without offloads, TAPs whose reader accepts less.
//
//   frame     | MACs |..tag..| headers | payload                 |
//   segments  | MACs | headers' | payload, gsoSize bytes |
//             | MACs | headers' | payload, the rest |
//
// Works on a frame after `classify`, and never writes it: what is built goes into the batch's auxiliary area at an offset
// of the caller's, who can put a tunnel header in front. A partial checksum is completed from the sum that it holds.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { add, finish, finishNonZero, fold, pseudo4, pseudo6 } from '../wire/checksum.ts';
import { copyMacs, MACS_LEN, TYPE_IPV4 } from '../wire/ethernet.ts';
import * as ip from '../wire/ip.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, OFFLOAD } from '../wire/virtio_net.ts';
import { TPID_9100 } from '../wire/vlan.ts';
import { gsoHeader, l3Of } from './offload.ts';

/** Answers of `needs`: send as it is, complete its checksum, or segment it. */
export const PASS = 0;
export const COMPLETE = 1;
export const SEGMENT = 2;

/**
 * More segments than this are refused: a guest must not buy 65,000 datagrams with one frame of gso_size 1. Linux' smallest
 * TCP segment carries 36 bytes (tcp_min_snd_mss 48 minus timestamps), which makes 1,821 of 64 KiB.
 */
export const MAX_SEGMENTS = 2048;

/** What has to be done to the frame of `row`, which leaves with `tag`, before a device with these TUNSETOFFLOAD bits takes it. */
export function needs({ rows }: FrameBatch, row: number, tag: number, offloads: number): number {
  const gsoType = rows[row + COLUMN.gsoType];
  if (gsoType === 0) {
    return rows[row + COLUMN.csumStart] === 0 || (offloads & OFFLOAD.csum) !== 0 ? PASS : COMPLETE;
  }
  if (tag >>> 16 === TPID_9100) return SEGMENT; // Linux would not find the headers behind it
  let wanted: number = OFFLOAD.csum;
  const type = gsoType & ~GSO_ECN;
  if (type === GSO_TCPV4) wanted |= OFFLOAD.tso4;
  else if (type === GSO_TCPV6) wanted |= OFFLOAD.tso6;
  else if (type === GSO_UDP_L4) wanted |= OFFLOAD.uso;
  else return SEGMENT; // which refuses it
  if ((gsoType & GSO_ECN) !== 0) wanted |= OFFLOAD.ecn;
  return (offloads & wanted) === wanted ? PASS : SEGMENT;
}

/**
 * Writes the whole frame of `row`, untagged and with its checksum completed, to offset `at` of the batch's bytes. Needs
 * room for its `length`, and returns that, or -1 if the request points outside the frame.
 * Any protocol will do: csum_start and csum_offset say all there is to know.
 */
export function completeChecksum(batch: FrameBatch, row: number, at: number): number {
  const { view, rows } = batch;
  const length = rows[row + COLUMN.length];
  const csumStart = rows[row + COLUMN.csumStart];
  const field = csumStart + rows[row + COLUMN.csumOffset];
  const l3 = l3Of(batch, row);
  if (csumStart < l3 || field + 2 > length) return -1;
  batch.gather(row, at);

  // Up to the end of the IP packet: the sum of a padded frame must not contain its padding.
  let end = length;
  const packet = ip.packetLength(view, view.getUint16(at + l3 - 2), at + l3, at + length);
  if (packet >= 0 && l3 + packet >= field + 2) end = l3 + packet;
  view.setUint16(at + field, finishNonZero(add(view, at + csumStart, at + end)));
  return length;
}

/**
 * Cuts one GSO frame after another into segments with complete checksums: `begin`, then `next` until it returns 0; or,
 * for a device that segments, into smaller GSO frames: `begin`, then `part` until it returns 0.
 * 440 ns for a segment of 1,398 bytes (Node 20), of which the checksum takes 250 and the copy most of the rest.
 */
export class Segmenter {
  // Valid after `begin`. Offsets are those of the untagged frame.
  /** Bytes of the longest segment, MACs included: the room that `next` needs. */
  maxLength = 0;
  /** Bytes before the payload, of the frame and of each segment. */
  headerLength = 0;
  /** Where the IP header begins, and that of TCP or UDP. */
  l3 = 0;
  l4 = 0;
  /** Payload bytes in each segment but the last. */
  gsoSize = 0;
  isTcp = false;
  /** Valid after `part`: offset of its payload in the batch's bytes. */
  payload = 0;

  // Offsets in the batch's bytes: the frame's two pieces, and where byte 0 of the untagged frame would be.
  private start = 0;
  private rest = 0;
  private origin = 0;
  /** Where the payload begins; of a frame that owns its headers not behind them. */
  private payloadAt = 0;
  /** End of the IP packet from there, without padding. */
  private end = 0;
  private isIpv4 = false;
  /** Sum of the pseudo-header without its length. */
  private pseudo = 0;
  /** Segments written, and the payload's part that the next one starts with. */
  private written = 0;
  private position = 0;

  /**
   * Takes up the frame of `row`. Returns its number of segments, at least 1, or -1 if its headers contradict each other
   * or the request. All checks are here; `next` cannot fail. Relies on `classify` for an `l3` within the frame.
   */
  begin(batch: FrameBatch, row: number): number {
    const { view, rows } = batch;
    const l3 = l3Of(batch, row);
    const csumStart = rows[row + COLUMN.csumStart];
    const gsoSize = rows[row + COLUMN.gsoSize];
    const origin = rows[row + COLUMN.rest] - MACS_LEN;
    const frameEnd = origin + rows[row + COLUMN.length];
    this.position = 0;
    this.end = 0;
    if (gsoSize === 0) return -1;
    const found = gsoHeader(
      view,
      origin,
      frameEnd,
      l3,
      rows[row + COLUMN.gsoType],
      csumStart,
      rows[row + COLUMN.csumOffset],
    );
    if (found < 0) return -1;
    const l4 = found >>> 16;
    const headerLength = found & 0xffff;
    const etherType = view.getUint16(origin + l3 - 2);
    const packet = ip.packetLength(view, etherType, origin + l3, frameEnd);
    const end = l3 + packet;
    const payload = end - headerLength;
    if (payload <= 0) return -1; // so is a packet length of -1
    const isTcp = rows[row + COLUMN.gsoType] !== GSO_UDP_L4;
    if (!isTcp && udp.length(view, origin + l4) !== end - l4) return -1;
    const count = Math.ceil(payload / gsoSize);
    if (count > MAX_SEGMENTS) return -1;

    this.start = rows[row + COLUMN.start];
    this.rest = rows[row + COLUMN.rest];
    this.origin = origin;
    this.l3 = l3;
    this.l4 = l4;
    this.headerLength = headerLength;
    const isSplit = batch.isOwned(row) && batch.headLength(row) < rows[row + COLUMN.length];
    this.payloadAt = isSplit ? batch.bodyAt(row) : origin + headerLength;
    this.position = headerLength;
    this.end = end;
    this.gsoSize = gsoSize;
    this.isIpv4 = etherType === TYPE_IPV4;
    this.isTcp = isTcp;
    this.written = 0;
    this.maxLength = headerLength + Math.min(gsoSize, payload);
    if (csumStart !== 0) {
      const field = view.getUint16(origin + csumStart + rows[row + COLUMN.csumOffset]);
      this.pseudo = fold(field + finish(end - l4)); // minus the whole packet's length
    } else if (this.isIpv4) {
      this.pseudo = pseudo4(view, origin + l3, isTcp ? PROTOCOL_TCP : PROTOCOL_UDP, 0);
    } else {
      this.pseudo = pseudo6(view, origin + l3, isTcp ? PROTOCOL_TCP : PROTOCOL_UDP, 0);
    }
    return count;
  }

  /** Writes the next segment, untagged, to offset `at` of the batch's bytes; returns its length, 0 after the last. */
  next(batch: FrameBatch, at: number): number {
    const { l3, l4, headerLength, origin, payloadAt, position } = this;
    const { view, bytes } = batch;
    const size = Math.min(this.gsoSize, this.end - position);
    if (size === 0) return 0;
    const length = headerLength + size;
    copyMacs(view, this.start, at);
    bytes.copyWithin(at + MACS_LEN, this.rest, origin + headerLength);
    const from = payloadAt + position - headerLength;
    bytes.copyWithin(at + headerLength, from, from + size);
    this.position += size;

    if (this.isIpv4) {
      ipv4.setTotalLength(view, at + l3, length - l3);
      ipv4.setId(view, at + l3, ipv4.id(view, at + l3) + this.written);
      ipv4.completeChecksum(view, at + l3);
    } else {
      ipv6.setPayloadLength(view, at + l3, length - l3 - ipv6.HEADER_LEN);
    }
    const pseudo = this.pseudo + (length - l4);
    if (this.isTcp) {
      this.setTcp(view, at + l4, 0);
      tcp.setChecksum(view, at + l4, finishNonZero(add(view, at + l4, at + length, pseudo)));
    } else {
      finishUdp(view, at + l4, at + length, pseudo);
    }
    this.written += 1;
    return length;
  }

  /**
   * Writes the headers of the next `segments` segments, or of those that are left, as those of one GSO frame: the MACs
   * to `macsAt`, what follows them to `restAt`. Left as they are: lengths and the IPv4 checksum. The checksum field of
   * TCP or UDP gets the sum of the pseudo-header without its length. Returns the payload's bytes, 0 after the last.
   */
  part(batch: FrameBatch, macsAt: number, restAt: number, segments: number): number {
    const { l3, l4, headerLength, origin, payloadAt, position } = this;
    const { view, bytes } = batch;
    const size = Math.min(segments * this.gsoSize, this.end - position);
    if (size === 0) return 0;
    copyMacs(view, this.start, macsAt);
    bytes.copyWithin(restAt, this.rest, origin + headerLength);
    this.payload = payloadAt + position - headerLength;
    this.position += size;
    const base = restAt - MACS_LEN;
    if (this.isIpv4) ipv4.setId(view, base + l3, ipv4.id(view, base + l3) + this.written);
    if (this.isTcp) this.setTcp(view, base + l4, this.pseudo);
    else udp.setChecksum(view, base + l4, this.pseudo);
    this.written += segments;
    return size;
  }

  /** FIN and PSH are said once, with the last byte; CWR once, with the first (RFC 3168 section 6.1.2). */
  private setTcp(view: DataView, at: number, checksum: number): void {
    let flags = tcp.flags(view, at);
    if (this.written > 0) flags &= ~tcp.CWR;
    if (this.position < this.end) flags &= ~(tcp.FIN | tcp.PSH);
    tcp.setFlags(view, at, flags);
    tcp.setSeq(view, at, tcp.seq(view, at) + this.written * this.gsoSize);
    tcp.setChecksum(view, at, checksum);
  }
}

function finishUdp(view: DataView, at: number, end: number, pseudo: number): void {
  udp.setLength(view, at, end - at);
  udp.setChecksum(view, at, 0);
  udp.setChecksum(view, at, finishNonZero(add(view, at, end, pseudo)));
}
