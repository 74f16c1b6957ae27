// ICMP errors as a router makes them (RFC 1812 section 4.3.2, RFC 4443 section 2.4), byte for byte as Linux does: who may be
// told, how often, and what a sender reads. Where an error goes is router_answers.ts.
//
// Never about errors, group addresses, or later fragments of IPv4, or errors would multiply; and each port that packets come
// from has an allowance.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { pseudo6 } from '../wire/checksum.ts';
import { HEADER_LEN, MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { Allowance } from './allowance.ts';

/** What a sender is told. */
export const ICMP_ERROR = {
  ttl: 0,
  no_route: 1,
  unreachable: 2,
  prohibited: 3,
  mtu: 4,
  port: 5,
  /** IPv6: a link-local source does not leave its link. */
  scope: 6,
  /** The neighbour does not answer. */
  host: 7,
  /** Nobody takes this transport protocol. */
  protocol: 8,
  /** IPv4: an option contradicts itself. */
  parameter: 9,
} as const;

/** By ICMP_ERROR: type and code. IPv6 has no error for a bad option of IPv4. */
const ERRORS_4 = Uint16Array.of(
  icmp.ERROR.ttl_exceeded,
  icmp.ERROR.net_unreachable,
  icmp.ERROR.host_unreachable,
  icmp.ERROR.prohibited,
  icmp.ERROR.fragmentation_needed,
  icmp.ERROR.port_unreachable,
  icmp.ERROR.host_unreachable,
  icmp.ERROR.host_unreachable,
  icmp.ERROR.protocol_unreachable,
  icmp.ERROR.parameter,
);
const ERRORS_6 = Uint16Array.of(
  icmpv6.ERROR.hop_limit_exceeded,
  icmpv6.ERROR.no_route,
  icmpv6.ERROR.no_route, // as Linux; RFC 4443 leaves the code to the router
  icmpv6.ERROR.prohibited,
  icmpv6.ERROR.packet_too_big,
  icmpv6.ERROR.port_unreachable,
  icmpv6.ERROR.beyond_scope,
  icmpv6.ERROR.address_unreachable,
  icmpv6.ERROR.unknown_next_header,
  icmpv6.ERROR.no_route,
);

/** RFC 1812 section 4.3.2.5: precedence 6, internetwork control. The bits of RFC 1349 are the packet's. */
const PRECEDENCE = 0xc0;
const TOS_BITS = 0x1e;

const HEADERS_4 = ipv4.HEADER_LEN + icmp.HEADER_LEN;
const HEADERS_6 = ipv6.HEADER_LEN + icmpv6.HEADER_LEN;

export class IcmpErrors {
  private readonly batch: FrameBatch;
  private readonly allowance: Allowance;
  /** Errors of IPv4 may be fragmented on their way, as Linux'. */
  private lastId = 0;

  /** @param clock its first word is now, in ms */
  constructor(batch: FrameBatch, clock: Float64Array) {
    this.batch = batch;
    this.allowance = new Allowance(clock);
  }

  /** Whether the sender of a packet may be told of an error; if so, that is one of what its port may ask for. */
  isDue4(row: number, l3: number): boolean {
    const { view } = this.batch;
    if (ipv4.isLaterFragment(view, l3)) return false;
    if (ipv4.protocol(view, l3) === icmp.PROTOCOL_ICMP) {
      const l4 = l3 + ipv4.headerLength(view, l3);
      const end = l3 + Math.min(ipv4.totalLength(view, l3), this.known(row, l3));
      if (l4 >= end || !icmp.mayBeAnswered(icmp.type(view, l4))) return false;
    }
    return this.isAllowed(row);
  }

  /** The same. Later fragments and what cannot be understood have no type by which they would be errors. */
  isDue6(row: number, l3: number): boolean {
    const { view } = this.batch;
    const end = l3 + this.known(row, l3);
    const found = ipv6.firstTransport(view, l3, end);
    if (found >= 0 && (found & 0xff) === icmpv6.NEXT_HEADER_ICMPV6) {
      const l4 = l3 + (found >>> 8);
      if (l4 >= end || icmpv6.isError(icmpv6.type(view, l4))) return false;
    }
    return this.isAllowed(row);
  }

  /**
   * Writes the error about the packet of `row` as a frame without MACs. Returns its length.
   *
   * @param at the frame's first byte
   * @param length of the packet
   * @param rest ICMP_ERROR.mtu: what would have fitted; ICMP_ERROR.parameter: the offset of what is wrong
   */
  write4(
    at: number,
    row: number,
    l3: number,
    length: number,
    what: number,
    rest: number,
    src: number,
  ): number {
    const { view } = this.batch;
    const quoted = Math.min(length, icmp.ERROR_PACKET_LEN - HEADERS_4);
    const header = at + HEADER_LEN;
    const end = header + HEADERS_4 + quoted;
    this.quote(row, l3, quoted, header + HEADERS_4);
    view.setUint16(at + MACS_LEN, TYPE_IPV4);
    const tos = PRECEDENCE | (ipv4.tos(view, l3) & TOS_BITS);
    const dst = ipv4.src(view, l3);
    ipv4.write(view, header, tos, end - header, ipv4.DEFAULT_TTL, icmp.PROTOCOL_ICMP, src, dst);
    this.lastId = (this.lastId + 1) & 0xffff;
    ipv4.setId(view, header, this.lastId);
    ipv4.setFragment(view, header, 0);
    ipv4.completeChecksum(view, header);
    const word = what === ICMP_ERROR.parameter ? rest << 24 : rest;
    icmp.writeError(view, header + ipv4.HEADER_LEN, end, ERRORS_4[what], word);
    return end - at;
  }

  /** The same for IPv6. `sources` has the source from word `k` on. */
  write6(
    at: number,
    row: number,
    l3: number,
    length: number,
    what: number,
    rest: number,
    sources: Int32Array,
    k: number,
  ): number {
    const { view } = this.batch;
    const quoted = Math.min(length, ipv6.MIN_MTU - HEADERS_6);
    const header = at + HEADER_LEN;
    const end = header + HEADERS_6 + quoted;
    this.quote(row, l3, quoted, header + HEADERS_6);
    view.setUint16(at + MACS_LEN, TYPE_IPV6);
    const payload = end - header - ipv6.HEADER_LEN;
    ipv6.write(view, header, 0, payload, icmpv6.NEXT_HEADER_ICMPV6, ipv6.DEFAULT_HOP_LIMIT);
    for (let w = 0; w < 4; w++) view.setInt32(header + ipv6.SRC + 4 * w, sources[k + w]);
    ipv6.copyAddress(view, l3 + ipv6.SRC, header + ipv6.DST);
    const pseudo = pseudo6(view, header, icmpv6.NEXT_HEADER_ICMPV6, payload);
    icmpv6.writeError(view, header + ipv6.HEADER_LEN, end, ERRORS_6[what], rest, pseudo);
    return end - at;
  }

  /** Copies the first bytes of a packet, of which a part may lie elsewhere. */
  private quote(row: number, l3: number, count: number, to: number): void {
    const { batch } = this;
    const near = Math.min(count, this.known(row, l3));
    batch.bytes.copyWithin(to, l3, l3 + near);
    if (near === count) return;
    const body = batch.bodyAt(row);
    batch.bytes.copyWithin(to + near, body, body + count - near);
  }

  /** Bytes of the packet that are in one piece with its header. */
  private known(row: number, l3: number): number {
    const { batch } = this;
    return batch.rows[row + COLUMN.rest] - MACS_LEN + batch.headLength(row) - l3;
  }

  private isAllowed(row: number): boolean {
    return this.allowance.take(this.batch.rows[row + COLUMN.source] & PORT_MASK);
  }
}
