// Routers: what was sent to the MAC of an interface leaves by another one, in another domain. Passes over compact lists, one
// for each family, so that memory is awaited for many packets at once:
//
//   gather -> (NAT) -> ways: routes, sources, next hops -> (NAT) -> neighbours -> leave: rows that take the stages again
//
// A packet keeps its bytes until it leaves: mirrors, captures and ICMP errors show it as it came. What is for a router
// itself, and what tells of neighbours, goes ways of its own: router_answers.ts and router_links.ts.
//
// Closures, as in stages.ts.

import { COLUMN, type FrameBatch, MARK } from '../frame/frame_batch.ts';
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
import { DOUBTFUL, ROUTED, ROUTED_WORDS, Routed } from './routed.ts';
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
  const { view, rows, list, keepsRows } = batch;
  const { values } = counters;
  const portsAt = counters.port(0);
  const list4 = new Routed(rows.length);
  const list6 = new Routed(rows.length);
  const { words: packets4 } = list4;
  const { words: packets6 } = list6;
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

  /**
   * Relies on `classify`: the EtherType is there. Written out for both families: a list as an argument is no constant to V8, and
   * costs 8 ns a packet.
   */
  function take(row: number, by: number, table: RouterTable): void {
    const rest = rows[row + COLUMN.rest];
    const l3 = rest + TYPE_LEN;
    const end = rest + rows[row + COLUMN.length] - MACS_LEN;
    const type = view.getUint16(rest);
    const flags = table.flags[by];
    if (type === TYPE_IPV4 && (flags & INTERFACE.ipv4) !== 0) {
      const length = check4(view, l3, end);
      if (length < 0) {
        drop(row, ~length);
        return;
      }
      const k = list4.count++ * ROUTED_WORDS;
      packets4[k | ROUTED.row] = row;
      packets4[k | ROUTED.from] = by;
      packets4[k | ROUTED.l3] = l3;
      packets4[k | ROUTED.length] = length;
      packets4[k | ROUTED.isDoubtful] = needsLook4(table, by, view, l3) ? DOUBTFUL : 0;
      packets4[k | ROUTED.dst] = ipv4.dst(view, l3);
    } else if (type === TYPE_IPV6 && (flags & INTERFACE.ipv6) !== 0) {
      const length = check6(view, l3, end);
      if (length < 0) {
        drop(row, ~length);
        return;
      }
      const k = list6.count++ * ROUTED_WORDS;
      packets6[k | ROUTED.row] = row;
      packets6[k | ROUTED.from] = by;
      packets6[k | ROUTED.l3] = l3;
      packets6[k | ROUTED.length] = length;
      packets6[k | ROUTED.isDoubtful] = needsLook6(table, by, view, l3) ? DOUBTFUL : 0;
    } else if (type === TYPE_ARP) {
      links.passOn(table, row, by);
      links.hearArp(table, row, by);
    } else drop(row, DROP.not_ip);
  }

  function route4(table: RouterTable): void {
    const nat = keeper.hook;
    nat?.before(table, list4);
    ways.find4(table);
    nat?.after(table, list4);
    if (!resolve4(table) && !resolve4(table)) forget(list4);
    const end = list4.count * ROUTED_WORDS;
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const egress = packets4[k | ROUTED.egress];
      if (egress > 0) {
        const row = packets4[k | ROUTED.row];
        const next = enter(row, table.port[egress], packets4[k | ROUTED.length]);
        if (next < 0) continue;
        if (nat?.isTranslated(row) === true) nat.rewrite(row, next);
        ipv4.decrementTtl(view, rows[next + COLUMN.rest] + TYPE_LEN);
        exit.leave4(table, next, packets4, k);
      } else if (egress === 0) answers.hear4(table, packets4, k);
    }
  }

  function route6(table: RouterTable): void {
    ways.find6(table);
    if (!resolve6(table) && !resolve6(table)) forget(list6);
    const end = list6.count * ROUTED_WORDS;
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const egress = packets6[k | ROUTED.egress];
      if (egress > 0) {
        const next = enter(packets6[k | ROUTED.row], table.port[egress], packets6[k | ROUTED.length]);
        if (next < 0) continue;
        ipv6.decrementHopLimit(view, rows[next + COLUMN.rest] + TYPE_LEN);
        exit.leave(table, next, packets6, k);
      } else if (egress === 0) answers.hear6(table, packets6, k);
    }
  }

  /** False: the table changed meanwhile. */
  function resolve4(table: RouterTable): boolean {
    const end = list4.count * ROUTED_WORDS;
    const version = neighbours.version();
    for (let k = 0; k < end; k += ROUTED_WORDS)
      if (packets4[k | ROUTED.egress] > 0) exit.find4(table, packets4, k, packets4[k | ROUTED.dst]);
    return neighbours.isUnchanged(version);
  }

  function resolve6(table: RouterTable): boolean {
    const end = list6.count * ROUTED_WORDS;
    const version = neighbours.version();
    for (let k = 0; k < end; k += ROUTED_WORDS)
      if (packets6[k | ROUTED.egress] > 0) exit.find6(table, packets6, k, packets6[k | ROUTED.l3] + ipv6.DST);
    return neighbours.isUnchanged(version);
  }

  /** The control plane sends all of them on. */
  function forget({ words, count }: Routed): void {
    for (let k = 0; k < count * ROUTED_WORDS; k += ROUTED_WORDS) words[k | ROUTED.neighbour] = UNKNOWN;
  }

  /**
   * The row of the packet as it comes in anew from a port, with headers of its own; -1 if it came too often. It is the same one,
   * unless somebody else is still to see what it was.
   */
  function enter(row: number, port: number, length: number): number {
    let next = row;
    if (keepsRows || (rows[row + COLUMN.mark] & MARK.shared) !== 0) {
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
