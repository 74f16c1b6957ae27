// Where packets go that are for routers: their routes, whether they come from where they say, and their next hops. What is
// not to go on gets its drop, and its sender an ICMP error.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import { find4, find6 } from '../table/lpm.ts';
import { INTERFACE, ROUTE, type RouterTable } from '../table/router_table.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { ICMP_ERROR } from './icmp_errors.ts';
import { DOUBTFUL, type Routed } from './routed.ts';
import type { RouterAnswers } from './router_answers.ts';
import { badOption, isLinkLocal4, isLinkLocal6, isOwnLinkLocal } from './router_checks.ts';
import { hopOf, isBack } from './router_routes.ts';

/** Of `way4` and `way6`: the packet is for the router itself, or goes nowhere. No hop has the number 0. */
const LOCAL = 0;
const NOWHERE = -1;

export interface Ways {
  /** Sets `hop` and `egress` of its list, and leaves in it what goes on. */
  find4(table: RouterTable): void;
  find6(table: RouterTable): void;
}

export function createWays(batch: FrameBatch, answers: RouterAnswers, list4: Routed, list6: Routed): Ways {
  const { view, rows } = batch;
  const { row: row4, from: from4, l3: l34, length: length4, dst: dst4, route: route4 } = list4;
  const { isDoubtful: isDoubtful4, hop: hop4, egress: egress4 } = list4;

  function findAll4(table: RouterTable): void {
    const { lpm, table: tables, kind, hopAt, hopCount, hopInterface, mtu } = table;
    const { count } = list4;
    for (let n = 0; n < count; n++) route4[n] = find4(lpm, tables[from4[n]], dst4[n]);
    for (let n = 0; n < count; n++)
      if (isDoubtful4[n] === DOUBTFUL && leads(table, route4[n])) checkSource4(table, n);
    let left = 0;
    for (let n = 0; n < count; n++) {
      const route = route4[n];
      let hop = hopAt[route];
      const isUsual =
        kind[route] === ROUTE.forward &&
        hopCount[route] === 1 &&
        ipv4.ttl(view, l34[n]) > 1 &&
        length4[n] <= mtu[hopInterface[hop]] &&
        isDoubtful4[n] === 0;
      if (!isUsual) {
        hop = isDropped(row4[n]) ? NOWHERE : way4(table, list4, n);
        if (hop === NOWHERE) continue;
      }
      if (n !== left) keep(list4, n, left);
      hop4[left] = hop;
      egress4[left] = hopInterface[hop];
      left += 1;
    }
    list4.count = left;
  }

  function findAll6(table: RouterTable): void {
    const { lpm, table: tables } = table;
    const { count, row, from, l3, route, isDoubtful } = list6;
    for (let n = 0; n < count; n++) route[n] = find6(lpm, tables[from[n]], view, l3[n] + ipv6.DST);
    for (let n = 0; n < count; n++) if (isDoubtful[n] === DOUBTFUL) checkSource6(table, n);
    let left = 0;
    for (let n = 0; n < count; n++) {
      const hop = isDropped(row[n]) ? NOWHERE : way6(table, list6, n);
      if (hop === NOWHERE) continue;
      if (n !== left) keep(list6, n, left);
      list6.hop[left] = hop;
      list6.egress[left] = table.hopInterface[hop];
      left += 1;
    }
    list6.count = left;
  }

  function checkSource4(table: RouterTable, n: number): void {
    const route = find4(table.lpm, table.table[from4[n]], ipv4.src(view, l34[n]));
    checkSource(table, row4[n], from4[n], route);
  }

  function checkSource6(table: RouterTable, n: number): void {
    const { row, from, l3 } = list6;
    const route = find6(table.lpm, table.table[from[n]], view, l3[n] + ipv6.SRC);
    checkSource(table, row[n], from[n], route);
  }

  /** Nobody sends from a router's own address (RFC 1812 section 5.3.7), nor, if asked for, from where he is not. */
  function checkSource(table: RouterTable, row: number, from: number, route: number): void {
    if (table.kind[route] === ROUTE.local) drop(row, DROP.martian);
    const check = table.flags[from] & (INTERFACE.strict | INTERFACE.loose);
    if (check === 0) return;
    const isThere = check === INTERFACE.loose ? isForwarded(table, route) : isBack(table, route, from);
    if (!isThere) drop(row, DROP.reverse_path);
  }

  function way4(table: RouterTable, list: Routed, n: number): number {
    const route = list.route[n];
    const row = list.row[n];
    const l3 = list.l3[n];
    const bad = badOption(view, l3);
    // Of a broadcast nobody is told; of a black hole everybody, as with Linux.
    if (bad > 0 && table.kind[route] !== ROUTE.broadcast) {
      answers.tell4(table, list, n, ICMP_ERROR.parameter, bad);
      return drop(row, DROP.bad_ip);
    }
    if (table.kind[route] === ROUTE.local) return LOCAL;
    if (!isForwarded(table, route)) return refuse(table, list, n, 4);
    if (isLinkLocal4(list.dst[n]) || isLinkLocal4(ipv4.src(view, l3))) return drop(row, DROP.martian);
    if (ipv4.ttl(view, l3) <= 1) return tell(table, list, n, 4, ICMP_ERROR.ttl, DROP.ttl_exceeded);
    const hop = hopOf(table, route, batch, row);
    const isTooLong = sizeOf(row, list.length[n]) > table.mtu[table.hopInterface[hop]];
    if (isTooLong && (rows[row + COLUMN.gsoType] !== 0 || ipv4.dontFragment(view, l3)))
      return tellMtu(table, list, n, 4, hop);
    return hop;
  }

  function way6(table: RouterTable, list: Routed, n: number): number {
    const route = list.route[n];
    const row = list.row[n];
    const l3 = list.l3[n];
    const dst = l3 + ipv6.DST;
    if (table.kind[route] === ROUTE.local || isOwnLinkLocal(table, list.from[n], view, dst)) return LOCAL;
    if (isLinkLocal6(view, dst)) return drop(row, DROP.martian);
    if (!isForwarded(table, route)) return refuse(table, list, n, 6);
    if (ipv6.hopLimit(view, l3) <= 1) return tell(table, list, n, 6, ICMP_ERROR.ttl, DROP.ttl_exceeded);
    const hop = hopOf(table, route, batch, row);
    const egress = table.hopInterface[hop];
    if (egress !== list.from[n] && isLinkLocal6(view, l3 + ipv6.SRC))
      return tell(table, list, n, 6, ICMP_ERROR.scope, DROP.martian);
    if (sizeOf(row, list.length[n]) > table.mtu[egress]) return tellMtu(table, list, n, 6, hop);
    return hop;
  }

  /** What an MTU limits: of a super-frame its largest segment. */
  function sizeOf(row: number, length: number): number {
    if (rows[row + COLUMN.gsoType] === 0) return length;
    return rows[row + COLUMN.headerLength] + rows[row + COLUMN.gsoSize] - HEADER_LEN;
  }

  /** Without a route, or by one that says no. */
  function refuse(table: RouterTable, list: Routed, n: number, family: number): number {
    const route = list.route[n];
    if (route === 0) return tell(table, list, n, family, ICMP_ERROR.no_route, DROP.no_route);
    switch (table.kind[route]) {
      case ROUTE.unreachable:
        return tell(table, list, n, family, ICMP_ERROR.unreachable, DROP.route_unreachable);
      case ROUTE.prohibit:
        return tell(table, list, n, family, ICMP_ERROR.prohibited, DROP.prohibited);
      case ROUTE.broadcast:
        return drop(list.row[n], DROP.directed_broadcast);
      default:
        return drop(list.row[n], DROP.blackhole);
    }
  }

  function tell(
    table: RouterTable,
    list: Routed,
    n: number,
    family: number,
    what: number,
    code: number,
  ): number {
    if (family === 4) answers.tell4(table, list, n, what, 0);
    else answers.tell6(table, list, n, what, 0);
    return drop(list.row[n], code);
  }

  function tellMtu(table: RouterTable, list: Routed, n: number, family: number, hop: number): number {
    const mtu = table.mtu[table.hopInterface[hop]];
    if (family === 4) answers.tell4(table, list, n, ICMP_ERROR.mtu, mtu);
    else answers.tell6(table, list, n, ICMP_ERROR.mtu, mtu);
    return drop(list.row[n], DROP.mtu_exceeded);
  }

  function drop(row: number, code: number): number {
    rows[row + COLUMN.dest] = DEST_DROP | code;
    return NOWHERE;
  }

  function isDropped(row: number): boolean {
    return (rows[row + COLUMN.dest] & DEST_DROP) !== 0;
  }

  return { find4: findAll4, find6: findAll6 };
}

/** Moves what is at place `n` to an earlier one. */
function keep({ row, from, l3, length, dst }: Routed, n: number, to: number): void {
  row[to] = row[n];
  from[to] = from[n];
  l3[to] = l3[n];
  length[to] = length[n];
  dst[to] = dst[n];
}

/** Whether it leads somewhere: only then, as with Linux, is a packet's source asked about. */
function leads({ kind }: RouterTable, route: number): boolean {
  const what = kind[route];
  return route !== 0 && (what === ROUTE.forward || what === ROUTE.local || what === ROUTE.broadcast);
}

function isForwarded({ kind }: RouterTable, route: number): boolean {
  return route !== 0 && kind[route] === ROUTE.forward;
}
