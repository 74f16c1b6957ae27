// Receive offload: TCP segments that came in one train become the super-frame that they were. Linux' GRO, with its rules:
// whoever segments the result again gets the same segments.
//
// Two segments are joined if their headers differ in nothing but what must differ from one to the next. All are of equal
// size, only the last may be shorter, or say PSH. No IP options, no fragments, no flags but ACK. A segment with a wrong
// checksum goes on alone, for its receiver to refuse. Whatever a sender makes up, each is compared and summed once.
//
//   train  | VXLAN | frame, size bytes | VXLAN | frame, size bytes | VXLAN | frame, the rest |      one stride apart

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import type { Burst } from '../sys/burst.ts';
import { fold, pseudo4, pseudo6 } from '../wire/checksum.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { PROTOCOL_TCP } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import { GSO_TCPV4, GSO_TCPV6 } from '../wire/virtio_net.ts';
import * as vlan from '../wire/vlan.ts';

/** Version 4, no options. */
const IPV4_PLAIN = 0x45;
/** PSH in the word of the TCP header that holds its flags. */
const PSH_WORD = tcp.PSH << 16;

export class Gro {
  private readonly burst: Pick<Burst, 'join'>;
  // The first segment of a run: offset in the batch's bytes, and offsets from there.
  private start = 0;
  private l3 = 0;
  private l4 = 0;
  private headerLength = 0;
  private isIpv4 = false;
  /** Payload bytes of each segment but the last, and of the last. */
  private size = 0;
  private last = 0;
  /** What the identification grows by from one segment to the next; -1 = not known yet. */
  private idStep = 0;
  /** The last segment says PSH. */
  private isPushed = false;

  constructor(burst: Pick<Burst, 'join'>) {
    this.burst = burst;
  }

  /**
   * Joins what can be joined among the frames from row `first` on, each a datagram of one train, `stride` bytes apart.
   * Columns are as a source leaves them; rows move together.
   */
  joinTrain(batch: FrameBatch, first: number, stride: number): void {
    const end = batch.count * ROW;
    let kept = first;
    for (let row = first; row < end; ) {
      const next = row + this.run(batch, row, end, stride) * ROW;
      for (let joined = 0; row < next; row += Math.max(1, joined) * ROW, kept += ROW) {
        // What ended a join is unsound; those behind it still belong together, and are not compared again.
        joined = joined > 0 ? 0 : this.join(batch, row, (next - row) / ROW, stride);
        if (kept !== row) batch.copyRow(row, kept);
      }
    }
    batch.count = kept / ROW;
  }

  /** How many segments from `row` on go together, by their headers. */
  private run(batch: FrameBatch, row: number, end: number, stride: number): number {
    const { rows } = batch;
    if (!this.begins(batch, row)) return 1;
    let count = 1;
    for (let next = row + ROW; next < end && !this.isPushed; next += ROW) {
      if (rows[next + COLUMN.start] !== this.start + count * stride) break;
      if (rows[next + COLUMN.dest] !== 0 || rows[next + COLUMN.ingress] !== rows[row + COLUMN.ingress]) break;
      if (!this.continues(batch, rows[next + COLUMN.start], rows[next + COLUMN.length], count)) break;
      count++;
    }
    return count;
  }

  /** Whether the frame of `row` is a segment that others may be joined to. Checks every length that is used later. */
  private begins({ view, rows }: FrameBatch, row: number): boolean {
    if (rows[row + COLUMN.dest] !== 0) return false;
    const start = rows[row + COLUMN.start];
    const length = rows[row + COLUMN.length];
    const typeAt = vlan.skip(view, start + MACS_LEN, start + length);
    if (typeAt < 0) return false;
    const at = typeAt + 2;
    const l3 = at - start;
    const type = view.getUint16(typeAt);
    let l4: number;
    if (type === TYPE_IPV4) {
      l4 = l3 + ipv4.HEADER_LEN;
      if (length < l4 + tcp.HEADER_LEN || view.getUint8(at) !== IPV4_PLAIN) return false;
      if (ipv4.isFragment(view, at) || ipv4.protocol(view, at) !== PROTOCOL_TCP) return false;
      if (ipv4.totalLength(view, at) !== length - l3) return false;
    } else if (type === TYPE_IPV6) {
      l4 = l3 + ipv6.HEADER_LEN;
      if (length < l4 + tcp.HEADER_LEN || ipv6.version(view, at) !== 6) return false;
      if (ipv6.nextHeader(view, at) !== PROTOCOL_TCP || ipv6.payloadLength(view, at) !== length - l4)
        return false;
    } else {
      return false;
    }
    if (tcp.flags(view, start + l4) !== tcp.ACK) return false; // with PSH it would end what it begins
    const dataOffset = tcp.headerLength(view, start + l4);
    if (dataOffset < tcp.HEADER_LEN || l4 + dataOffset >= length) return false;
    this.start = start;
    this.l3 = l3;
    this.l4 = l4;
    this.headerLength = l4 + dataOffset;
    this.isIpv4 = type === TYPE_IPV4;
    this.size = length - this.headerLength;
    this.last = this.size;
    this.idStep = -1;
    this.isPushed = false;
    return true;
  }

  /** Whether the frame at `at` is segment number `n`. */
  private continues({ view }: FrameBatch, at: number, length: number, n: number): boolean {
    const { start, l3, l4, headerLength, size } = this;
    const payload = length - headerLength;
    if (payload < 1 || payload > size || !isSame(view, start, at, 0, l3)) return false;
    const ip = start + l3;
    const otherIp = at + l3;
    if (this.isIpv4) {
      if (view.getInt16(ip) !== view.getInt16(otherIp)) return false; // version, header length, TOS
      if (ipv4.totalLength(view, otherIp) !== length - l3 || !this.takesId(view, otherIp, n)) return false;
      if (view.getInt32(ip + 6) !== view.getInt32(otherIp + 6)) return false; // fragment, TTL, protocol
      if (!isSame(view, ip, otherIp, 12, ipv4.HEADER_LEN)) return false;
    } else {
      if (view.getInt32(ip) !== view.getInt32(otherIp)) return false; // version, traffic class, flow label
      if (ipv6.payloadLength(view, otherIp) !== length - l4) return false;
      if (!isSame(view, ip, otherIp, 6, ipv6.HEADER_LEN)) return false;
    }
    const first = start + l4;
    const other = at + l4;
    if (view.getInt32(first) !== view.getInt32(other)) return false; // ports
    if (tcp.seq(view, other) !== (tcp.seq(view, first) + n * size) >>> 0) return false;
    if (view.getInt32(first + 8) !== view.getInt32(other + 8)) return false; // acknowledgment
    const differs = view.getInt32(first + 12) ^ view.getInt32(other + 12); // length, flags, window
    if ((differs & ~PSH_WORD) !== 0 || view.getInt16(first + 18) !== view.getInt16(other + 18)) return false;
    if (!isSame(view, first, other, tcp.HEADER_LEN, headerLength - l4)) return false;
    this.last = payload;
    this.isPushed = differs !== 0;
    return true;
  }

  /** Identification counts up by one, or stays where DF takes its meaning away (RFC 6864). */
  private takesId(view: DataView, ip: number, n: number): boolean {
    const first = this.start + this.l3;
    const grown = (ipv4.id(view, ip) - ipv4.id(view, first)) & 0xffff;
    if (n === 1) this.idStep = grown;
    return grown === n * this.idStep && (grown === n || (grown === 0 && ipv4.dontFragment(view, first)));
  }

  /** Joins the first of `run` segments, up to one that is unsound, and describes them in `row`. Returns how many. */
  private join({ view, rows }: FrameBatch, row: number, run: number, stride: number): number {
    if (run < 2) return run;
    const start = rows[row + COLUMN.start];
    const { l3, l4, headerLength, size, last, isIpv4 } = this;
    const ip = start + l3;
    const pseudo = isIpv4 ? pseudo4(view, ip, PROTOCOL_TCP, 0) : pseudo6(view, ip, PROTOCOL_TCP, 0);
    const ipv4At = isIpv4 ? l3 : -1;
    const joined = this.burst.join(start, stride, run, ipv4At, l4, headerLength, size, last, pseudo);
    if (joined < 2) return joined;
    const length = headerLength + (joined - 1) * size + (joined === run ? last : size);
    if (isIpv4) {
      ipv4.setTotalLength(view, ip, length - l3);
      ipv4.completeChecksum(view, ip);
    } else {
      ipv6.setPayloadLength(view, ip, length - l4);
    }
    const at = start + l4;
    if (this.isPushed && joined === run) tcp.setFlags(view, at, tcp.ACK | tcp.PSH);
    tcp.setChecksum(view, at, fold(pseudo + length - l4));
    rows[row + COLUMN.length] = length;
    rows[row + COLUMN.gsoType] = isIpv4 ? GSO_TCPV4 : GSO_TCPV6;
    rows[row + COLUMN.gsoSize] = size;
    rows[row + COLUMN.csumStart] = l4;
    rows[row + COLUMN.csumOffset] = tcp.CHECKSUM;
    return joined;
  }
}

/** Whether the bytes from .. to, an even number, are the same behind `a` and behind `b`. */
function isSame(view: DataView, a: number, b: number, from: number, to: number): boolean {
  let k = from;
  for (; k + 4 <= to; k += 4) if (view.getInt32(a + k) !== view.getInt32(b + k)) return false;
  return k === to || view.getInt16(a + k) === view.getInt16(b + k);
}
