// Whether a TCP segment of a known connection is one that its receiver would take: flags that hosts send, data within the window that
// the other end has opened, an ACK of what it has sent. After G. van Rooij, Real Stateful TCP Packet Filtering in IP Filter (2001), as
// Linux has it; by direction, in words of the line that NAT has for addresses:
//
//   | behind what was sent | behind what may be sent | window << 8 | flags, scale |
//
// A direction writes its own line, but for `limit`, which the other one's ACKs move. Without a SYN of both ends, as after a restart, the
// scale of windows is not known: such a connection is taken as it comes.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { CONNECTION, type Connections } from '../table/connections.ts';
import { protocolOf } from '../table/flow.ts';
import { firstOf, KIND, otherOf } from '../table/line_table.ts';
import { MACS_LEN, TYPE_IPV4 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { ACK, FIN, flags as flagsOf, HEADER_LEN, headerLength, RST, SYN, window } from '../wire/tcp.ts';
import { windowScale } from '../wire/tcp_options.ts';
import { isTpid, TAG_LEN } from '../wire/vlan.ts';

/** Words of a line. */
export const WINDOW = { end: CONNECTION.newPorts, limit: CONNECTION.sums, own: CONNECTION.rule } as const;

const SCALE = 0x0f;
const HAS_SCALE = 0x10;
/** The end has sent something. */
const SEEN = 0x20;
/** Its history is not known. */
const LIBERAL = 0x40;
const SIZE_SHIFT = 8;
const MAX_SIZE = 0xff_ffff;
const MAX_SCALE = 14; // RFC 7323, 2.3
/** An ACK may be that old: Linux' MAXACKWINCONST, a little more than a window without scale. */
const OLD_ACK = 66_000;
const ENDING = SYN | FIN | RST | ACK;
const ABSENT = -1;

export class TcpWindow {
  private readonly batch: FrameBatch;
  /** Where a TCP header begins, and how many bytes there are from there to the end of the packet. */
  private at = 0;
  private length = 0;
  private isPart = false;

  constructor(batch: FrameBatch) {
    this.batch = batch;
  }

  /** Whether the frame of `row` may pass; if it may, its connection has seen it. */
  fits(connections: Connections, line: number, row: number): boolean {
    const { lines } = connections.flows;
    if (protocolOf(lines[line + KIND]) !== ipv4.PROTOCOL_TCP || !this.find(row)) return true;
    const { view } = this.batch;
    const back = otherOf(line);
    const flags = flagsOf(view, this.at) & ENDING;
    if (!isOfHosts(flags)) return false;
    const own = lines[line + WINDOW.own];
    const other = lines[back + WINDOW.own];
    if (((own | other) & LIBERAL) !== 0) return true;
    if ((flags & SYN) !== 0) return this.synchronise(lines, line, flags);
    if ((own & SEEN) === 0 && (other & SEEN) === 0) {
      lines[line + WINDOW.own] = LIBERAL;
      return true;
    }
    return this.follow(lines, line, flags);
  }

  /** A SYN: as the first, as another try, or as the answer. One in the middle, which hosts answer by a challenge, moves nothing. */
  private synchronise(lines: Int32Array, line: number, flags: number): boolean {
    const { view } = this.batch;
    const own = lines[line + WINDOW.own];
    const back = otherOf(line);
    const other = lines[back + WINDOW.own];
    const isAnswer = (flags & ACK) !== 0;
    if (
      isAnswer &&
      (other & SEEN) !== 0 &&
      distance(view.getInt32(this.at + 8), lines[back + WINDOW.end]) > 0
    )
      return false;
    if ((own & SEEN) !== 0 && (other & SEEN) !== 0) return true;
    const end = (view.getInt32(this.at + 4) + this.size(flags)) | 0;
    const scale = windowScale(view, this.at, this.at + this.length);
    lines[line + WINDOW.end] = end;
    // Whatever it sends first begins there; ACKs move it on.
    lines[line + WINDOW.limit] = end;
    lines[line + WINDOW.own] =
      SEEN |
      (scale === ABSENT ? 0 : HAS_SCALE | Math.min(scale, MAX_SCALE)) |
      (sizeOf(view, this.at) << SIZE_SHIFT);
    if ((other & SEEN) !== 0) this.agree(lines, line, back, isAnswer);
    return true;
  }

  /** Both have sent SYN: windows are scaled if both say so. */
  private agree(lines: Int32Array, line: number, back: number, isAnswer: boolean): void {
    const { view } = this.batch;
    if ((lines[back + WINDOW.own] & HAS_SCALE) === 0) lines[line + WINDOW.own] &= ~(HAS_SCALE | SCALE);
    if ((lines[line + WINDOW.own] & HAS_SCALE) === 0) lines[back + WINDOW.own] &= ~(HAS_SCALE | SCALE);
    if (isAnswer) lines[back + WINDOW.limit] = (view.getInt32(this.at + 8) + sizeOf(view, this.at)) | 0;
  }

  private follow(lines: Int32Array, line: number, flags: number): boolean {
    const { at } = this;
    const { view } = this.batch;
    const back = otherOf(line);
    const own = lines[line + WINDOW.own];
    const other = lines[back + WINDOW.own];
    const scale = (own & HAS_SCALE) === 0 ? 0 : own & SCALE;
    const seq = view.getInt32(at + 4);
    const end = (seq + this.size(flags)) | 0;
    const otherEnd = lines[back + WINDOW.end];
    // Who answers a SYN by RST has sent nothing yet.
    if ((own & SEEN) === 0) return (flags & ACK) === 0 || distance(view.getInt32(at + 8), otherEnd) <= 0;
    const hasAck = (flags & ACK) !== 0 && !((flags & RST) !== 0 && view.getInt32(at + 8) === 0);
    const ack = hasAck ? view.getInt32(at + 8) : otherEnd;
    const otherSize = (other >>> SIZE_SHIFT) << ((other & HAS_SCALE) === 0 ? 0 : other & SCALE);
    const size = (own >>> SIZE_SHIFT) << scale;
    // While the other end is silent nobody knows what it has sent, nor what it would take.
    if ((other & SEEN) !== 0) {
      if (distance(seq, lines[line + WINDOW.limit]) > 0) return false;
      if (distance(lines[line + WINDOW.end], end) > otherSize) return false;
      if (distance(ack, otherEnd) > 0 || distance(otherEnd, ack) > Math.max(size, OLD_ACK)) return false;
    }
    if (this.isPart) {
      // How long it is as a whole nobody knows.
      lines[line + WINDOW.own] = own | LIBERAL;
      return true;
    }
    const now = window(view, at);
    if (now > own >>> SIZE_SHIFT)
      lines[line + WINDOW.own] = (own & 0xff) | (Math.min(now, MAX_SIZE) << SIZE_SHIFT);
    if (distance(end, lines[line + WINDOW.end]) > 0) lines[line + WINDOW.end] = end;
    if (!hasAck) return true;
    // A window that is shut lets a byte through that probes it.
    const limit = (ack + Math.max(now << scale, 1)) | 0;
    if (distance(limit, lines[back + WINDOW.limit]) > 0) lines[back + WINDOW.limit] = limit;
    return true;
  }

  /** Of the sequence space. */
  private size(flags: number): number {
    const data = Math.max(0, this.length - headerLength(this.batch.view, this.at));
    return data + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  }

  /** Relies on what PolicyPackets has found whole. False: it shows no TCP header. */
  private find(row: number): boolean {
    const { view, rows } = this.batch;
    let at = rows[row + COLUMN.rest] + 2;
    const end = rows[row + COLUMN.rest] + this.batch.headLength(row) - MACS_LEN;
    while (isTpid(view.getUint16(at - 2))) at += TAG_LEN;
    if (view.getUint16(at - 2) === TYPE_IPV4) {
      if (ipv4.isLaterFragment(view, at)) return false;
      this.isPart = ipv4.isFragment(view, at);
      this.at = at + ipv4.headerLength(view, at);
      this.length = ipv4.totalLength(view, at) - ipv4.headerLength(view, at);
    } else {
      const found = ipv6.firstTransport(view, at, end);
      if (found < 0) return false;
      this.isPart = ipv6.nextHeader(view, at) === ipv6.FRAGMENT;
      this.at = at + (found >>> 8);
      this.length = ipv6.HEADER_LEN + ipv6.payloadLength(view, at) - (found >>> 8);
    }
    return this.at + HEADER_LEN <= end;
  }
}

/** Whether hosts send such segments (RFC 9293, 3.10.7): none without ACK but SYN and RST, and of SYN, FIN and RST one at most. */
function isOfHosts(flags: number): boolean {
  switch (flags) {
    case SYN:
    case SYN | ACK:
    case RST:
    case RST | ACK:
    case FIN | ACK:
    case ACK:
      return true;
    default:
      return false;
  }
}

/** How far `a` is ahead of `b`, modulo 2^32. */
function distance(a: number, b: number): number {
  return (a - b) | 0;
}

function sizeOf(view: DataView, at: number): number {
  return Math.max(window(view, at), 1);
}

/** The history of no connection is known any more: others let packets pass without a look at windows. */
export function forgetWindows({ flows }: Connections): void {
  const { lines, high, timers } = flows;
  for (let pair = 1; pair < high; pair++) {
    if (timers[pair] === 0) continue;
    const first = firstOf(pair);
    lines[first + WINDOW.own] = 0;
    lines[otherOf(first) + WINDOW.own] = 0;
  }
}
