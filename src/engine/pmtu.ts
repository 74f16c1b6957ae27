// The answer to a frame that is too big for a tunnel: ICMP "fragmentation needed" or ICMPv6 "packet too big". A host
// that believes in an MTU of 1,500 cannot know of the tunnel's 1,450; without this, ping works and TCP stalls.
//
//   host --- frame, 1,500 ---> switch ---X  VXLAN port, 1,450
//   host <-- "1,450 fits" ---- switch       back through the frame's port, to its sender, in its domain and tag
//
// The answer comes from the frame's destination, MAC and IP, as in Linux' iptunnel_pmtud_build_icmp. Two threats: answers
// to errors or broadcasts multiply (RFC 1122 3.2.2 and RFC 4443 2.4), and a stranger could use the switch as a mirror. So
// an answer is smaller than its frame, goes only to where that came from, and each port has an allowance.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { pseudo6 } from '../wire/checksum.ts';
import * as ethernet from '../wire/ethernet.ts';
import { MACS_LEN, TYPE_IPV4 } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ip from '../wire/ip.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { Allowance } from './allowance.ts';
import { l3Of } from './offload.ts';

/** Linux' and IANA's default. The answer crosses no router anyway. */
const TTL = 64;
/** RFC 1812 section 4.3.2.5: errors have precedence 6, internetwork control. */
const TOS = 0xc0;

const HEADERS_4 = ipv4.HEADER_LEN + icmp.HEADER_LEN;
const HEADERS_6 = ipv6.HEADER_LEN + icmpv6.HEADER_LEN;

export class Pmtu {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly allowance: Allowance;
  /** The frame that was answered last: a flood through a tunnel asks once for each remote. */
  private answered = -1;

  /** @param clock its first word is now, in ms */
  constructor(batch: FrameBatch, counters: Counters, clock: Float64Array) {
    this.batch = batch;
    this.counters = counters;
    this.allowance = new Allowance(clock);
  }

  /** Rows will have other frames from now on. */
  clear(): void {
    this.answered = -1;
  }

  /**
   * Makes the answer to the frame of `row`, of which `mtu` bytes would have fitted through `hop`, and counts it as a frame
   * from there. Returns its row, which the caller forwards, or -1 if there is none to be given. Relies on `classify`.
   */
  answer(row: number, hop: number, mtu: number): number {
    const { batch } = this;
    const { bytes, rows, view } = batch;
    const start = rows[row + COLUMN.start];
    if (row === this.answered || ethernet.isGroup(ethernet.dstHi(view, start))) return -1;
    const rest = rows[row + COLUMN.rest];
    const end = rest + rows[row + COLUMN.length] - MACS_LEN;
    const l3 = rest - MACS_LEN + l3Of(batch, row);
    const type = view.getUint16(l3 - 2);
    const packet = ip.packetLength(view, type, l3, end);
    if (packet <= mtu) return -1; // no IP, or only the frame's padding is too long
    // Of a frame that owns its headers only those can be read and quoted.
    const known = rest + batch.headLength(row) - MACS_LEN;
    if (type === TYPE_IPV4 ? !mayAnswer4(view, l3) : !mayAnswer6(view, l3, known, mtu)) return -1;
    if (!this.allowance.take(rows[row + COLUMN.ingress] & PORT_MASK)) return -1;
    const made = batch.make();
    if (made < 0) return -1;
    this.answered = row;

    const at = rows[made + COLUMN.start];
    ethernet.setDst(view, at, ethernet.srcHi(view, start), ethernet.srcLo(view, start));
    ethernet.setSrc(view, at, ethernet.dstHi(view, start), ethernet.dstLo(view, start));
    bytes.copyWithin(at + MACS_LEN, rest, l3); // EtherType, and tags that stayed in the frame
    const header = at + MACS_LEN + l3 - rest;
    const quoted = Math.min(packet, known - l3);
    const length =
      type === TYPE_IPV4 ? write4(batch, header, l3, quoted, mtu) : write6(batch, header, l3, quoted, mtu);
    batch.describe(made, at, hop, header - at + length);
    rows[made + COLUMN.rest] = at + MACS_LEN;
    rows[made + COLUMN.tci] = rows[row + COLUMN.tci];
    const counter = this.counters.port(hop & PORT_MASK);
    this.counters.values[counter + PORT.generated] += 1;
    this.counters.values[counter + PORT.forwarded] += 1;
    return made;
  }
}

/** Without DF it might be fragmented, which is for routers: a host that wants to know its path's MTU sets DF. */
function mayAnswer4(view: DataView, at: number): boolean {
  if (!ipv4.dontFragment(view, at) || ipv4.isLaterFragment(view, at)) return false;
  if (!ipv4.isHost(ipv4.src(view, at)) || !ipv4.isHost(ipv4.dst(view, at))) return false;
  const length = ipv4.headerLength(view, at);
  if (length < ipv4.HEADER_LEN || !ipv4.verifies(view, at)) return false;
  // A packet that is longer than an MTU goes on behind its header.
  return ipv4.protocol(view, at) !== icmp.PROTOCOL_ICMP || !icmp.isError(icmp.type(view, at + length));
}

/** No host believes in less than IPv6's least MTU (RFC 8201 section 4). */
function mayAnswer6(view: DataView, at: number, end: number, mtu: number): boolean {
  if (mtu < ipv6.MIN_MTU) return false;
  if (!ipv6.isHost(view, at + ipv6.SRC) || !ipv6.isHost(view, at + ipv6.DST)) return false;
  const found = ipv6.firstTransport(view, at, end);
  const transport = at + (found >>> 8);
  if (found < 0 || transport >= end) return false;
  return (found & 0xff) !== icmpv6.NEXT_HEADER_ICMPV6 || !icmpv6.isError(icmpv6.type(view, transport));
}

/** The answer's packet at `at`, about the `packet` bytes at `l3`. Returns its length. */
function write4({ bytes, view }: FrameBatch, at: number, l3: number, packet: number, mtu: number): number {
  const quoted = Math.min(packet, icmp.ERROR_PACKET_LEN - HEADERS_4);
  const length = HEADERS_4 + quoted;
  bytes.copyWithin(at + HEADERS_4, l3, l3 + quoted);
  icmp.writeError(view, at + ipv4.HEADER_LEN, at + length, icmp.ERROR.fragmentation_needed, mtu);
  ipv4.write(view, at, TOS, length, TTL, icmp.PROTOCOL_ICMP, ipv4.dst(view, l3), ipv4.src(view, l3));
  return length;
}

function write6({ bytes, view }: FrameBatch, at: number, l3: number, packet: number, mtu: number): number {
  const quoted = Math.min(packet, ipv6.MIN_MTU - HEADERS_6);
  const length = HEADERS_6 + quoted;
  bytes.copyWithin(at + HEADERS_6, l3, l3 + quoted);
  ipv6.write(view, at, TOS, length - ipv6.HEADER_LEN, icmpv6.NEXT_HEADER_ICMPV6, TTL);
  ipv6.copyAddress(view, l3 + ipv6.DST, at + ipv6.SRC);
  ipv6.copyAddress(view, l3 + ipv6.SRC, at + ipv6.DST);
  const pseudo = pseudo6(view, at, icmpv6.NEXT_HEADER_ICMPV6, length - ipv6.HEADER_LEN);
  icmpv6.writeError(view, at + ipv6.HEADER_LEN, at + length, icmpv6.ERROR.packet_too_big, mtu, pseudo);
  return length;
}
