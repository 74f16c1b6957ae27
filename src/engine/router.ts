// Routers: what was sent to the MAC of an interface leaves by another one, in another domain. Passes over compact lists, one
// for each family, so that memory is awaited for many packets at once:
//
//   gather -> (NAT) -> ways: routes, sources, next hops -> (NAT) -> neighbours -> leave: rows that take the stages again
//
// A packet keeps its bytes until it leaves: mirrors, captures and ICMP errors show it as it came. What is for a router
// itself, and what tells of neighbours, goes ways of its own: router_answers.ts and router_links.ts.
//
// Closures, as in stages.ts.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_LIST, PORT_MASK } from '../frame/hop.ts';
import { MAX_ROUNDS } from '../frame/row.ts';
import { type Counters, PORT, PORT_STRIDE } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Neighbours } from '../table/neighbours.ts';
import { INTERFACE, type RouterTable } from '../table/router_table.ts';
import { dstHi, HEADER_LEN, isGroup, MACS_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import type { HostPort } from './host_port.ts';
import { IcmpErrors } from './icmp_errors.ts';
import type { NatKeeper } from './nat_keeper.ts';
import type { Route } from './passes.ts';
import { DOUBTFUL, REFUSED, Routed } from './routed.ts';
import { RouterAnswers } from './router_answers.ts';
import { check4, check6, needsLook4, needsLook6 } from './router_checks.ts';
import { createExit } from './router_exit.ts';
import { RouterLinks } from './router_links.ts';
import { createWays } from './router_ways.ts';
import { DOMAIN_SHIFT } from './topology.ts';

const TYPE_LEN = 2;
/** Of `neighbour`: the control plane sends it on. */
const UNKNOWN = -1;

/** @param keeper whether addresses are translated */
export function createRouter(
  batch: FrameBatch,
  counters: Counters,
  clock: Float64Array,
  host: HostPort,
  neighbours: Neighbours,
  keeper: Pick<NatKeeper, 'hook'>,
): Route {
  const { view, rows, list } = batch;
  const { values } = counters;
  const portsAt = counters.port(0);
  const list4 = new Routed(rows.length / ROW);
  const list6 = new Routed(rows.length / ROW);
  const { row: row4, from: from4, l3: l34, length: length4, isDoubtful: isDoubtful4, dst: dst4 } = list4;
  const { egress: egress4, hop: hop4, neighbour: neighbour4, mac: mac4 } = list4;
  const exit = createExit(batch, host, neighbours);
  const links = new RouterLinks(batch, counters, host);
  const errors = new IcmpErrors(batch, clock);
  const answers = new RouterAnswers(batch, counters, errors, exit, links);
  const ways = createWays(batch, answers, list4, list6);

  /** Finds what is for routers among decided rows, and measures it. */
  function gather(table: RouterTable, from: number, to: number): void {
    const { interfaceOf, inDomain } = table;
    list4.count = 0;
    list6.count = 0;
    for (let n = from; n < to; n++) {
      const row = list[n];
      const dest = rows[row + COLUMN.dest];
      if (dest < DEST_DROP) {
        const by = interfaceOf[dest & PORT_MASK];
        if (by > 0) take(row, by, table);
      } else if ((dest & DEST_CONSUMED) === DEST_LIST) {
        const first = inDomain[rows[row + COLUMN.domain] >>> DOMAIN_SHIFT];
        if (first > 0 && isGroup(dstHi(view, rows[row + COLUMN.start]))) links.overhear(table, row, first);
      }
    }
  }

  /** Relies on `classify`: the EtherType is there. */
  function take(row: number, by: number, table: RouterTable): void {
    const rest = rows[row + COLUMN.rest];
    const l3 = rest + TYPE_LEN;
    const end = rest + rows[row + COLUMN.length] - MACS_LEN;
    const type = view.getUint16(rest);
    const flags = table.flags[by];
    if (type === TYPE_IPV4 && (flags & INTERFACE.ipv4) !== 0) {
      const length = check4(view, l3, end);
      if (length < 0) drop(row, ~length);
      else {
        const n = list4.count++;
        row4[n] = row;
        from4[n] = by;
        l34[n] = l3;
        length4[n] = length;
        isDoubtful4[n] = needsLook4(table, by, view, l3) ? DOUBTFUL : 0;
        dst4[n] = ipv4.dst(view, l3);
      }
    } else if (type === TYPE_IPV6 && (flags & INTERFACE.ipv6) !== 0) {
      const length = check6(view, l3, end);
      if (length < 0) drop(row, ~length);
      else {
        const n = list6.count++;
        list6.row[n] = row;
        list6.from[n] = by;
        list6.l3[n] = l3;
        list6.length[n] = length;
        list6.isDoubtful[n] = needsLook6(table, by, view, l3) ? DOUBTFUL : 0;
      }
    } else if (type === TYPE_ARP) {
      links.passOn(table, row, by);
      links.hearArp(table, row, by);
    } else drop(row, DROP.not_ip);
  }

  function route4(table: RouterTable): void {
    const nat = keeper.hook;
    if (nat !== null) {
      nat.before(table, row4, list4.count, dst4);
      for (let n = 0; n < list4.count; n++) if (isDropped(row4[n])) isDoubtful4[n] = REFUSED;
    }
    ways.find4(table);
    const { count } = list4;
    nat?.after(table, row4, count, egress4);
    if (!resolve4(table) && !resolve4(table)) neighbour4.fill(UNKNOWN, 0, count);
    for (let n = 0; n < count; n++) {
      if (nat !== null && isDropped(row4[n])) continue;
      if (egress4[n] === 0) answers.hear4(table, list4, n);
      else {
        const next = enter(row4[n], table.port[egress4[n]], length4[n]);
        if (next < 0) continue;
        if (nat?.isTranslated(row4[n]) === true) nat.rewrite(row4[n], next);
        ipv4.decrementTtl(view, rows[next + COLUMN.rest] + TYPE_LEN);
        exit.leave4(table, next, egress4[n], hop4[n], neighbour4[n], mac4, 2 * n);
      }
    }
  }

  function route6(table: RouterTable): void {
    const { egress, hop, neighbour, mac } = list6;
    ways.find6(table);
    const { count } = list6;
    if (!resolve6(table) && !resolve6(table)) neighbour.fill(UNKNOWN, 0, count);
    for (let n = 0; n < count; n++) {
      if (egress[n] === 0) answers.hear6(table, list6, n);
      else {
        const next = enter(list6.row[n], table.port[egress[n]], list6.length[n]);
        if (next < 0) continue;
        ipv6.decrementHopLimit(view, rows[next + COLUMN.rest] + TYPE_LEN);
        exit.leave(table, next, egress[n], hop[n], neighbour[n], mac, 2 * n);
      }
    }
  }

  /** False: the table changed meanwhile. */
  function resolve4(table: RouterTable): boolean {
    const { count } = list4;
    const version = neighbours.version();
    for (let n = 0; n < count; n++) {
      if (egress4[n] !== 0) neighbour4[n] = exit.find4(table, egress4[n], hop4[n], dst4[n], mac4, 2 * n);
    }
    return neighbours.isUnchanged(version);
  }

  function resolve6(table: RouterTable): boolean {
    const { count, l3, egress, hop, neighbour, mac } = list6;
    const version = neighbours.version();
    for (let n = 0; n < count; n++) {
      if (egress[n] !== 0) neighbour[n] = exit.find6(table, egress[n], hop[n], l3[n] + ipv6.DST, mac, 2 * n);
    }
    return neighbours.isUnchanged(version);
  }

  /**
   * The row of the packet as it comes in anew from a port, with headers of its own; -1 if it came too often. It is the same one,
   * unless somebody else is still to see what it was.
   */
  function enter(row: number, port: number, length: number): number {
    let next = row;
    if ((rows[row + COLUMN.mark] & MARK.shared) !== 0) {
      next = batch.recirculate(row, port, MAX_ROUNDS);
      if (next >= 0) batch.own(next);
    } else {
      const ingress = rows[row + COLUMN.ingress] & PORT_MASK;
      if (batch.reenter(row, port, MAX_ROUNDS)) values[portsAt + ingress * PORT_STRIDE + PORT.consumed] += 1;
      else next = -1;
    }
    if (next < 0) {
      drop(row, DROP.loop);
      return next;
    }
    // The padding of a short frame stays behind.
    if (rows[next + COLUMN.gsoType] === 0) rows[next + COLUMN.length] = HEADER_LEN + length;
    return next;
  }

  function isDropped(row: number): boolean {
    return (rows[row + COLUMN.dest] & DEST_DROP) !== 0;
  }

  function drop(row: number, code: number): void {
    rows[row + COLUMN.dest] = DEST_DROP | code;
  }

  return (topology, from, to) => {
    const table = topology.routers;
    if (table === null) return;
    gather(table, from, to);
    if (list4.count > 0) route4(table);
    if (list6.count > 0) route6(table);
  };
}
