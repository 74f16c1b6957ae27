// What a router says itself: echo replies, and ICMP errors about what it does not forward. Both find their own way back, and
// leave like any packet. An error's source is the address of the interface by which it leaves (RFC 1812 section 4.3.2.4), in IPv6
// of that where the packet came in.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP } from '../frame/hop.ts';
import { MAX_ROUNDS } from '../frame/row.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { find4, find6 } from '../table/lpm.ts';
import { ROUTE, type RouterTable } from '../table/router_table.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { ICMP_ERROR, type IcmpErrors } from './icmp_errors.ts';
import { NOWHERE, ROUTED, ROUTED_WORDS } from './routed.ts';
import { isLinkLocal6 } from './router_checks.ts';
import type { RouterExit } from './router_exit.ts';
import type { RouterLinks } from './router_links.ts';
import { hopOf } from './router_routes.ts';

/** No hop has this number: it goes to the destination itself, on the link where it was heard. */
const ON_LINK = 0;
const TYPE_LEN = 2;

export class RouterAnswers {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly errors: IcmpErrors;
  private readonly exit: RouterExit;
  private readonly links: RouterLinks;
  /** The answer, of which only its way out matters. */
  private readonly answer = new Int32Array(ROUTED_WORDS);
  /** An address of the router's, to which somebody wrote. */
  private readonly own = new Int32Array(4);

  constructor(
    batch: FrameBatch,
    counters: Counters,
    errors: IcmpErrors,
    exit: RouterExit,
    links: RouterLinks,
  ) {
    this.batch = batch;
    this.counters = counters;
    this.errors = errors;
    this.exit = exit;
    this.links = links;
  }

  /** An IPv4 packet for the router itself. */
  hear4(table: RouterTable, packets: Int32Array, k: number): void {
    const { view } = this.batch;
    const l3 = packets[k + ROUTED.l3];
    const l4 = l3 + ipv4.headerLength(view, l3);
    const protocol = ipv4.isFragment(view, l3) ? -1 : ipv4.protocol(view, l3);
    const isWhole = l4 + icmp.HEADER_LEN <= l3 + packets[k + ROUTED.length];
    if (protocol === icmp.PROTOCOL_ICMP && isWhole && icmp.isEchoRequest(view, l4)) {
      this.echo4(table, packets, k, l4 - l3);
      return;
    }
    if (protocol === ipv4.PROTOCOL_UDP) this.tell4(table, packets, k, ICMP_ERROR.port, 0);
    this.drop(packets[k + ROUTED.row], DROP.no_service);
  }

  hear6(table: RouterTable, packets: Int32Array, k: number): void {
    const { batch } = this;
    const { rows, view } = batch;
    const row = packets[k + ROUTED.row];
    const l3 = packets[k + ROUTED.l3];
    const dest = rows[row + COLUMN.dest];
    this.links.passOn(table, row, packets[k + ROUTED.from]);
    if (this.links.hearSolicitation(table, row, packets[k + ROUTED.from], l3)) return;
    rows[row + COLUMN.dest] = dest;
    const known = Math.min(packets[k + ROUTED.length], batch.headLength(row) - HEADER_LEN);
    const found = ipv6.transport(view, l3, l3 + known);
    const protocol = found < 0 ? -1 : found & 0xff;
    const l4 = found >>> 8;
    const isWhole = l4 + icmpv6.HEADER_LEN <= known;
    if (protocol === icmpv6.NEXT_HEADER_ICMPV6 && isWhole && icmpv6.isEchoRequest(view, l3 + l4)) {
      this.echo6(table, packets, k, l4);
      return;
    }
    if (protocol === ipv4.PROTOCOL_UDP) this.tell6(table, packets, k, ICMP_ERROR.port, 0);
    this.drop(row, DROP.no_service);
  }

  /** The request turns round; what it does not change stays as it is, its identification, too. */
  private echo4(table: RouterTable, packets: Int32Array, k: number, l4: number): void {
    const { rows, view } = this.batch;
    const src = ipv4.src(view, packets[k + ROUTED.l3]);
    const hop = this.hop4(table, packets[k + ROUTED.from], src, packets[k + ROUTED.row]);
    const next = this.turn(table, packets, k, hop);
    if (next < 0) return;
    const at = rows[next + COLUMN.rest] + TYPE_LEN;
    ipv4.swapAddresses(view, at);
    ipv4.setTtl(view, at, ipv4.DEFAULT_TTL);
    ipv4.setFragment(view, at, 0); // its way back may be narrower
    ipv4.completeChecksum(view, at);
    icmp.answerEcho(view, at + l4, rows[next + COLUMN.csumStart] === 0);
    this.setWay(table.hopInterface[hop], hop);
    this.exit.find4(table, this.answer, 0, src);
    this.exit.leave4(table, next, this.answer, 0);
  }

  private echo6(table: RouterTable, packets: Int32Array, k: number, l4: number): void {
    const { rows, view } = this.batch;
    const hop = this.hop6(
      table,
      packets[k + ROUTED.from],
      packets[k + ROUTED.l3] + ipv6.SRC,
      packets[k + ROUTED.row],
    );
    const next = this.turn(table, packets, k, hop);
    if (next < 0) return;
    const at = rows[next + COLUMN.rest] + TYPE_LEN;
    ipv6.swapAddresses(view, at);
    ipv6.clearFlowLabel(view, at);
    ipv6.setHopLimit(view, at, ipv6.DEFAULT_HOP_LIMIT);
    icmpv6.answerEcho(view, at + l4, rows[next + COLUMN.csumStart] === 0);
    const egress = this.egressOf(table, packets[k + ROUTED.from], hop);
    if (packets[k + ROUTED.length] > table.mtu[egress]) {
      this.drop(next, DROP.mtu_exceeded); // nobody splits packets of IPv6 on their way
      return;
    }
    this.setWay(egress, hop);
    this.exit.find6(table, this.answer, 0, at + ipv6.DST);
    this.exit.leave(table, next, this.answer, 0);
  }

  /** A row for a packet that goes back by a hop, with headers of its own; -1 if it does not. */
  private turn(table: RouterTable, packets: Int32Array, k: number, hop: number): number {
    const { batch } = this;
    const { rows } = batch;
    const row = packets[k + ROUTED.row];
    if (hop === NOWHERE) {
      this.drop(row, DROP.no_route);
      return -1;
    }
    const egress = this.egressOf(table, packets[k + ROUTED.from], hop);
    const next = batch.recirculate(row, table.port[egress], MAX_ROUNDS);
    if (next < 0) this.drop(row, DROP.loop);
    else {
      batch.own(next);
      rows[next + COLUMN.length] = HEADER_LEN + packets[k + ROUTED.length];
    }
    return next;
  }

  /** Tells the sender of a packet, if he may be told, why it does not go on. @param mtu of ICMP_ERROR.mtu; of `parameter` what is wrong */
  tell4(table: RouterTable, packets: Int32Array, k: number, what: number, mtu: number): void {
    const row = packets[k + ROUTED.row];
    const l3 = packets[k + ROUTED.l3];
    const dst = ipv4.src(this.batch.view, l3);
    const hop = this.hop4(table, packets[k + ROUTED.from], dst, row);
    if (hop === NOWHERE) return;
    const egress = table.hopInterface[hop];
    // A service that there is not is the address' own affair; else it is the router that says something.
    const src = what === ICMP_ERROR.port ? ipv4.dst(this.batch.view, l3) : table.address4[egress];
    if (src === 0 || !this.batch.mayAnswer || !this.errors.isDue4(row, l3)) return;
    const next = this.begin(table, row, egress);
    const at = this.batch.rows[next + COLUMN.start];
    this.batch.rows[next + COLUMN.length] = this.errors.write4(
      at,
      row,
      l3,
      packets[k + ROUTED.length],
      what,
      mtu,
      src,
    );
    this.setWay(egress, hop);
    this.exit.find4(table, this.answer, 0, dst);
    this.exit.leave(table, next, this.answer, 0);
  }

  tell6(table: RouterTable, packets: Int32Array, k: number, what: number, mtu: number): void {
    const row = packets[k + ROUTED.row];
    const l3 = packets[k + ROUTED.l3];
    const hop = this.hop6(table, packets[k + ROUTED.from], l3 + ipv6.SRC, row);
    if (hop === NOWHERE || !this.batch.mayAnswer || !this.errors.isDue6(row, l3)) return;
    const egress = this.egressOf(table, packets[k + ROUTED.from], hop);
    const isOwn = what === ICMP_ERROR.port;
    if (isOwn) ipv6.readAddress(this.batch.view, l3 + ipv6.DST, this.own);
    // Where the packet came in says more to its sender (RFC 4443 section 2.2), as with Linux.
    const sources = isOwn ? this.own : hop === ON_LINK ? table.linkLocal : table.address6;
    const next = this.begin(table, row, egress);
    const at = this.batch.rows[next + COLUMN.start];
    this.batch.rows[next + COLUMN.length] = this.errors.write6(
      at,
      row,
      l3,
      packets[k + ROUTED.length],
      what,
      mtu,
      sources,
      isOwn ? 0 : 4 * packets[k + ROUTED.from],
    );
    this.setWay(egress, hop);
    this.exit.find6(table, this.answer, 0, at + HEADER_LEN + ipv6.DST);
    this.exit.leave(table, next, this.answer, 0);
  }

  private setWay(egress: number, hop: number): void {
    this.answer[ROUTED.egress] = egress;
    this.answer[ROUTED.hop] = hop;
  }

  /** A row for a packet of the router's own, which leaves by an interface. */
  private begin(table: RouterTable, row: number, egress: number): number {
    const { batch, counters } = this;
    const port = table.port[egress];
    const next = batch.answer(port, 0);
    batch.rows[next + COLUMN.source] = batch.rows[row + COLUMN.source];
    const counter = counters.port(port);
    counters.values[counter + PORT.generated] += 1;
    counters.values[counter + PORT.recirculated] -= 1; // as which every appended row is counted
    return next;
  }

  /** The hop to an address, or NOWHERE. */
  private hop4(table: RouterTable, from: number, dst: number, row: number): number {
    return this.hopOf(table, find4(table.lpm, table.table[from], dst), row);
  }

  private hop6(table: RouterTable, from: number, at: number, row: number): number {
    if (isLinkLocal6(this.batch.view, at)) return ON_LINK;
    return this.hopOf(table, find6(table.lpm, table.table[from], this.batch.view, at), row);
  }

  private hopOf(table: RouterTable, route: number, row: number): number {
    const isForward = route !== 0 && table.kind[route] === ROUTE.forward;
    return isForward ? hopOf(table, route, this.batch, row) : NOWHERE;
  }

  private egressOf(table: RouterTable, from: number, hop: number): number {
    return hop === ON_LINK ? from : table.hopInterface[hop];
  }

  private drop(row: number, code: number): void {
    this.batch.rows[row + COLUMN.dest] = DEST_DROP | code;
  }
}
