// What an interface of a router hears on its link: ARP (RFC 826) and neighbour discovery (RFC 4861). Who asks for an address of
// the router is answered here. What tells of neighbours goes to the control plane, which keeps them, as a copy.
//
//   to a group: the frame keeps its way through the switch            to the interface alone: it ends here
//
// An anycast gateway has the same MAC and addresses on every host of a tunnel. Each answers its own guests, and a question
// that is answered does not go into tunnels; what comes out of one is another host's to answer. What a guest answers to that
// MAC goes on to all hosts: one of them asked.

import { COLUMN, type FrameBatch, MARK } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_LIST, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { find4, find6 } from '../table/lpm.ts';
import { INTERFACE, ROUTE, type RouterTable } from '../table/router_table.ts';
import { TRAP } from '../table/traps.ts';
import * as arp from '../wire/arp.ts';
import { HEADER_LEN, isGroup, MACS_LEN, srcHi, srcLo, TYPE_ARP, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as neighbour from '../wire/neighbour.ts';
import type { HostPort } from './host_port.ts';
import { isOwnLinkLocal } from './router_checks.ts';
import { DOMAIN_SHIFT, TUNNEL } from './topology.ts';

const TYPE_LEN = 2;
/** Of `neighbour.typeOf`. */
const NONE = -1;
/** The sender of an advertisement is a router. */
const ROUTER = 0x8000_0000 | 0;
/** ff02::1, all nodes of the link, and its MAC (RFC 2464 section 7). */
const ALL_NODES = [0xff02_0000 | 0, 0, 0, 1];
const ALL_NODES_HI = 0x3333;
const ALL_NODES_LO = 1;

export class RouterLinks {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly host: HostPort;

  constructor(batch: FrameBatch, counters: Counters, host: HostPort) {
    this.batch = batch;
    this.counters = counters;
    this.host = host;
  }

  /** A frame to a group, in a domain whose first interface is `first`. What an interface says itself the others hear. */
  overhear(table: RouterTable, row: number, first: number): void {
    const { rows, view } = this.batch;
    const rest = rows[row + COLUMN.rest];
    const type = view.getUint16(rest);
    if (type !== TYPE_ARP && type !== TYPE_IPV6) return;
    const l3 = rest + TYPE_LEN;
    const end = this.endOf(row);
    if (type === TYPE_IPV6 && ipv6.packetLength(view, l3, end) < 0) return;
    const message = type === TYPE_IPV6 ? messageAt(view, l3, end) : NONE;
    if (type === TYPE_IPV6 && message === NONE) return;
    const ingress = rows[row + COLUMN.ingress] & PORT_MASK;
    for (let by = first; by !== 0; by = table.nextInDomain[by]) {
      if (table.port[by] === ingress) continue;
      if (type === TYPE_ARP) this.hearArp(table, row, by);
      else this.hear6(table, row, by, l3, message);
    }
  }

  hearArp(table: RouterTable, row: number, by: number): void {
    const { rows, view } = this.batch;
    // The fields of a frame whose MACs may lie apart.
    const at = rows[row + COLUMN.rest] - MACS_LEN;
    if ((table.flags[by] & INTERFACE.ipv4) === 0 || !arp.isWhole(view, at, this.endOf(row))) return;
    const hi = arp.senderHi(view, at);
    const lo = arp.senderLo(view, at);
    if (isGroup(hi) || (hi | lo) === 0 || isItself(table, by, hi, lo)) return;
    const sender = arp.sender(view, at);
    const target = arp.target(view, at);
    const isOwn = this.isOwn4(table, by, target);
    const isTaken = this.isOwn4(table, by, sender);
    const isRequest = arp.operation(view, at) === arp.REQUEST;
    const isWanted = isOwn || this.standsIn(table, by, sender, target);
    if (isRequest && sender !== target && !isTaken && isWanted && this.isOurs(table, row, by))
      this.answerArp(table, row, by, hi, lo, sender, target);
    if (isOwn || isTaken || !isRequest || sender === target) this.punt(table, row, by);
  }

  /** Whether what the packet of `row` at `l3` says is neighbour discovery. Relies on its length. */
  hearSolicitation(table: RouterTable, row: number, by: number, l3: number): boolean {
    const type = messageAt(this.batch.view, l3, this.endOf(row));
    if (type === NONE || !isWanted(table, by, type)) return false;
    this.hear6(table, row, by, l3, type);
    return true;
  }

  private hear6(table: RouterTable, row: number, by: number, l3: number, type: number): void {
    const { rows, view } = this.batch;
    const start = rows[row + COLUMN.start];
    if (
      (table.flags[by] & INTERFACE.ipv6) === 0 ||
      !isWanted(table, by, type) ||
      isItself(table, by, srcHi(view, start), srcLo(view, start))
    )
      return;
    if (type === icmpv6.ROUTER_SOLICITATION && !this.isOurs(table, row, by)) return;
    const target = neighbour.targetAt(l3);
    if (type === neighbour.SOLICITATION) {
      if (!this.isOwn6(table, by, target)) return;
      if (this.isOurs(table, row, by)) this.advertise(table, row, by, l3, target);
    }
    this.punt(table, row, by);
  }

  /** Where a frame to an interface alone goes that tells of a neighbour: of an anycast gateway to its other hosts, too. */
  passOn(table: RouterTable, row: number, by: number): void {
    const { rows } = this.batch;
    const word = rows[row + COLUMN.domain];
    const isShared = (table.flags[by] & INTERFACE.anycast) !== 0 && (word & TUNNEL) === 0;
    rows[row + COLUMN.dest] = isShared ? DEST_LIST | (2 * (word >>> DOMAIN_SHIFT) + 1) : DEST_CONSUMED;
  }

  /** Whether a question is this host's to answer. */
  private isOurs(table: RouterTable, row: number, by: number): boolean {
    const isAnycast = (table.flags[by] & INTERFACE.anycast) !== 0;
    return !isAnycast || (this.batch.rows[row + COLUMN.domain] & TUNNEL) === 0;
  }

  private isOwn4({ lpm, table, kind }: RouterTable, by: number, address: number): boolean {
    return kind[find4(lpm, table[by], address)] === ROUTE.local;
  }

  private isOwn6(table: RouterTable, by: number, at: number): boolean {
    const { view } = this.batch;
    if (isOwnLinkLocal(table, by, view, at)) return true;
    return table.kind[find6(table.lpm, table.table[by], view, at)] === ROUTE.local;
  }

  /** Proxy ARP (RFC 1027): for what is routed by another interface. Not for who only asks whether an address is free. */
  private standsIn(table: RouterTable, by: number, sender: number, target: number): boolean {
    if ((table.flags[by] & INTERFACE.proxy) === 0 || sender === 0) return false;
    const route = find4(table.lpm, table.table[by], target);
    if (route === 0 || table.kind[route] !== ROUTE.forward) return false;
    return table.hopInterface[table.hopAt[route]] !== by;
  }

  private answerArp(
    table: RouterTable,
    row: number,
    by: number,
    hi: number,
    lo: number,
    sender: number,
    target: number,
  ): void {
    const at = this.answer(table, row, by, arp.FRAME_LEN);
    if (at < 0) return;
    arp.write(this.batch.view, at, arp.REPLY, table.macHi[by], table.macLo[by], target, hi, lo, sender);
  }

  /** Section 7.2.4: to who asks, or to all, if it only wants to know whether the address is free. */
  private advertise(table: RouterTable, row: number, by: number, l3: number, target: number): void {
    const { rows, view } = this.batch;
    const src = l3 + ipv6.SRC;
    const isProbe =
      (view.getInt32(src) | view.getInt32(src + 4) | view.getInt32(src + 8) | view.getInt32(src + 12)) === 0;
    if (!isProbe && !ipv6.isHost(view, src)) return;
    const at = this.answer(table, row, by, neighbour.FRAME_LEN);
    if (at < 0) return;
    const ip = at + HEADER_LEN;
    const start = rows[row + COLUMN.start];
    ipv6.copyAddress(view, target, ip + ipv6.SRC);
    ipv6.copyAddress(view, target, neighbour.targetAt(ip));
    if (isProbe) for (let k = 0; k < 4; k++) view.setInt32(ip + ipv6.DST + 4 * k, ALL_NODES[k]);
    else ipv6.copyAddress(view, src, ip + ipv6.DST);
    neighbour.write(
      view,
      at,
      neighbour.ADVERTISEMENT,
      ROUTER | neighbour.OVERRIDE | (isProbe ? 0 : neighbour.SOLICITED),
      table.macHi[by],
      table.macLo[by],
      isProbe ? ALL_NODES_HI : srcHi(view, start),
      isProbe ? ALL_NODES_LO : srcLo(view, start),
    );
  }

  /** Where to write a frame that an interface answers with, or -1: enough were answered in this batch. */
  private answer(table: RouterTable, row: number, by: number, length: number): number {
    const { batch } = this;
    const { rows } = batch;
    // Whoever the question reaches beside, it is not lost; and every host has this answer.
    rows[row + COLUMN.mark] |= MARK.punted;
    if ((table.flags[by] & INTERFACE.anycast) !== 0) rows[row + COLUMN.dest] = DEST_CONSUMED;
    if (!batch.mayAnswer) return -1;
    const port = table.port[by];
    const next = batch.answer(port, length);
    rows[next + COLUMN.source] = rows[row + COLUMN.source];
    rows[next + COLUMN.tci] = table.vid[by];
    rows[next + COLUMN.mark] = MARK.said;
    const counter = this.counters.port(port);
    this.counters.values[counter + PORT.generated] += 1;
    this.counters.values[counter + PORT.recirculated] -= 1; // as which every appended row is counted
    return rows[next + COLUMN.start];
  }

  private punt(table: RouterTable, row: number, by: number): void {
    const { rows } = this.batch;
    if (this.host.puntRouted(row, table.port[by], TRAP.router, 0)) rows[row + COLUMN.mark] |= MARK.punted;
  }

  /** Of what lies together behind the MACs. */
  private endOf(row: number): number {
    const { batch } = this;
    return batch.rows[row + COLUMN.rest] + batch.headLength(row) - MACS_LEN;
  }
}

/** The type of what neighbour or router discovery says, or NONE. */
function messageAt(view: DataView, l3: number, end: number): number {
  const type = neighbour.typeOf(view, l3, end);
  return type === NONE ? icmpv6.routerMessageAt(view, l3, end) : type;
}

/** Who advertises hears who asks for it, and who has addresses from routers what these say. */
function isWanted({ flags }: RouterTable, by: number, type: number): boolean {
  if (type === icmpv6.ROUTER_SOLICITATION) return (flags[by] & INTERFACE.advertises) !== 0;
  return type !== icmpv6.ROUTER_ADVERTISEMENT || (flags[by] & INTERFACE.slaac) !== 0;
}

/** What the control plane says for an interface floods the domain, too; and so do other hosts' anycast gateways. */
function isItself({ macHi, macLo }: RouterTable, by: number, hi: number, lo: number): boolean {
  return macHi[by] === hi && macLo[by] === lo;
}
