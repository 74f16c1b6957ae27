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
import { DOUBTFUL, NOWHERE, ROUTED, ROUTED_WORDS, type Routed } from './routed.ts';
import type { RouterAnswers } from './router_answers.ts';
import { badOption, isLinkLocal4, isLinkLocal6, isOwnLinkLocal } from './router_checks.ts';
import { hopOf, isBack } from './router_routes.ts';

/** Of `way4` and `way6`: the packet is for the router itself. No hop has the number 0. */
const LOCAL = 0;

export interface Ways {
  /** Sets `hop` and `egress` of all packets of its list; of those that do not go on `egress` is NOWHERE. */
  find4(table: RouterTable): void;
  find6(table: RouterTable): void;
}

export function createWays(batch: FrameBatch, answers: RouterAnswers, list4: Routed, list6: Routed): Ways {
  const { view, rows } = batch;
  const { words: packets4 } = list4;
  const { words: packets6 } = list6;

  function findAll4(table: RouterTable): void {
    const { lpm, table: tables, kind, hopAt, hopCount, hopInterface, mtu } = table;
    const end = list4.count * ROUTED_WORDS;
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const from = packets4[k | ROUTED.from];
      packets4[k | ROUTED.route] = find4(lpm, tables[from], packets4[k | ROUTED.dst]);
    }
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const route = packets4[k | ROUTED.route];
      const hop = hopAt[route];
      const egress = hopInterface[hop];
      const isUsual =
        kind[route] === ROUTE.forward &&
        hopCount[route] === 1 &&
        ipv4.ttl(view, packets4[k | ROUTED.l3]) > 1 &&
        packets4[k | ROUTED.length] <= mtu[egress] &&
        packets4[k | ROUTED.isDoubtful] === 0;
      packets4[k | ROUTED.hop] = hop;
      packets4[k | ROUTED.egress] = egress;
      if (!isUsual) findOther4(table, k);
    }
  }

  function findOther4(table: RouterTable, k: number): void {
    if (packets4[k + ROUTED.isDoubtful] === DOUBTFUL && leads(table, packets4[k + ROUTED.route]))
      checkSource4(table, k);
    const isLost = isDropped(packets4[k + ROUTED.row]);
    choose(table, packets4, k, isLost ? NOWHERE : way4(table, packets4, k));
  }

  function findAll6(table: RouterTable): void {
    const { lpm, table: tables } = table;
    const end = list6.count * ROUTED_WORDS;
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      const dst = packets6[k | ROUTED.l3] + ipv6.DST;
      packets6[k | ROUTED.route] = find6(lpm, tables[packets6[k | ROUTED.from]], view, dst);
    }
    for (let k = 0; k < end; k += ROUTED_WORDS) {
      if (packets6[k | ROUTED.isDoubtful] === DOUBTFUL) checkSource6(table, k);
      const isLost = isDropped(packets6[k | ROUTED.row]);
      choose(table, packets6, k, isLost ? NOWHERE : way6(table, packets6, k));
    }
  }

  function choose({ hopInterface }: RouterTable, packets: Int32Array, k: number, hop: number): void {
    packets[k + ROUTED.hop] = hop;
    packets[k + ROUTED.egress] = hop === NOWHERE ? NOWHERE : hopInterface[hop];
  }

  function checkSource4(table: RouterTable, k: number): void {
    const from = packets4[k + ROUTED.from];
    const route = find4(table.lpm, table.table[from], ipv4.src(view, packets4[k + ROUTED.l3]));
    checkSource(table, packets4[k + ROUTED.row], from, route);
  }

  function checkSource6(table: RouterTable, k: number): void {
    const from = packets6[k + ROUTED.from];
    const route = find6(table.lpm, table.table[from], view, packets6[k + ROUTED.l3] + ipv6.SRC);
    checkSource(table, packets6[k + ROUTED.row], from, route);
  }

  /** Nobody sends from a router's own address (RFC 1812 section 5.3.7), nor, if asked for, from where he is not. */
  function checkSource(table: RouterTable, row: number, from: number, route: number): void {
    if (table.kind[route] === ROUTE.local) drop(row, DROP.martian);
    const check = table.flags[from] & (INTERFACE.strict | INTERFACE.loose);
    if (check === 0) return;
    const isThere = check === INTERFACE.loose ? isForwarded(table, route) : isBack(table, route, from);
    if (!isThere) drop(row, DROP.reverse_path);
  }

  function way4(table: RouterTable, packets: Int32Array, k: number): number {
    const route = packets[k + ROUTED.route];
    const row = packets[k + ROUTED.row];
    const l3 = packets[k + ROUTED.l3];
    const bad = badOption(view, l3);
    // Of a broadcast nobody is told; of a black hole everybody, as with Linux.
    if (bad > 0 && table.kind[route] !== ROUTE.broadcast) {
      answers.tell4(table, packets, k, ICMP_ERROR.parameter, bad);
      return drop(row, DROP.bad_ip);
    }
    if (table.kind[route] === ROUTE.local) return LOCAL;
    if (!isForwarded(table, route)) return refuse(table, packets, k, 4);
    if (isLinkLocal4(packets[k + ROUTED.dst]) || isLinkLocal4(ipv4.src(view, l3)))
      return drop(row, DROP.martian);
    if (ipv4.ttl(view, l3) <= 1) return tell(table, packets, k, 4, ICMP_ERROR.ttl, DROP.ttl_exceeded);
    const hop = hopOf(table, route, batch, row);
    const isTooLong = sizeOf(row, packets[k + ROUTED.length]) > table.mtu[table.hopInterface[hop]];
    if (isTooLong && (rows[row + COLUMN.gsoType] !== 0 || ipv4.dontFragment(view, l3)))
      return tellMtu(table, packets, k, 4, hop);
    return hop;
  }

  function way6(table: RouterTable, packets: Int32Array, k: number): number {
    const route = packets[k + ROUTED.route];
    const row = packets[k + ROUTED.row];
    const l3 = packets[k + ROUTED.l3];
    const dst = l3 + ipv6.DST;
    if (table.kind[route] === ROUTE.local || isOwnLinkLocal(table, packets[k + ROUTED.from], view, dst))
      return LOCAL;
    if (isLinkLocal6(view, dst)) return drop(row, DROP.martian);
    if (!isForwarded(table, route)) return refuse(table, packets, k, 6);
    if (ipv6.hopLimit(view, l3) <= 1) return tell(table, packets, k, 6, ICMP_ERROR.ttl, DROP.ttl_exceeded);
    const hop = hopOf(table, route, batch, row);
    const egress = table.hopInterface[hop];
    if (egress !== packets[k + ROUTED.from] && isLinkLocal6(view, l3 + ipv6.SRC))
      return tell(table, packets, k, 6, ICMP_ERROR.scope, DROP.martian);
    if (sizeOf(row, packets[k + ROUTED.length]) > table.mtu[egress])
      return tellMtu(table, packets, k, 6, hop);
    return hop;
  }

  /** What an MTU limits: of a super-frame its largest segment. */
  function sizeOf(row: number, length: number): number {
    if (rows[row + COLUMN.gsoType] === 0) return length;
    return rows[row + COLUMN.headerLength] + rows[row + COLUMN.gsoSize] - HEADER_LEN;
  }

  /** Without a route, or by one that says no. */
  function refuse(table: RouterTable, packets: Int32Array, k: number, family: number): number {
    const route = packets[k + ROUTED.route];
    if (route === 0) return tell(table, packets, k, family, ICMP_ERROR.no_route, DROP.no_route);
    switch (table.kind[route]) {
      case ROUTE.unreachable:
        return tell(table, packets, k, family, ICMP_ERROR.unreachable, DROP.route_unreachable);
      case ROUTE.prohibit:
        return tell(table, packets, k, family, ICMP_ERROR.prohibited, DROP.prohibited);
      case ROUTE.broadcast:
        return drop(packets[k + ROUTED.row], DROP.directed_broadcast);
      default:
        return drop(packets[k + ROUTED.row], DROP.blackhole);
    }
  }

  function tell(
    table: RouterTable,
    packets: Int32Array,
    k: number,
    family: number,
    what: number,
    code: number,
  ): number {
    if (family === 4) answers.tell4(table, packets, k, what, 0);
    else answers.tell6(table, packets, k, what, 0);
    return drop(packets[k + ROUTED.row], code);
  }

  function tellMtu(table: RouterTable, packets: Int32Array, k: number, family: number, hop: number): number {
    const mtu = table.mtu[table.hopInterface[hop]];
    if (family === 4) answers.tell4(table, packets, k, ICMP_ERROR.mtu, mtu);
    else answers.tell6(table, packets, k, ICMP_ERROR.mtu, mtu);
    return drop(packets[k + ROUTED.row], DROP.mtu_exceeded);
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

/** Whether it leads somewhere: only then, as with Linux, is a packet's source asked about. */
function leads({ kind }: RouterTable, route: number): boolean {
  const what = kind[route];
  return route !== 0 && (what === ROUTE.forward || what === ROUTE.local || what === ROUTE.broadcast);
}

function isForwarded({ kind }: RouterTable, route: number): boolean {
  return route !== 0 && kind[route] === ROUTE.forward;
}
