// Next hops of routes: which one carries a flow, and whether a route leads back to where a packet came from.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { ROUTE, type RouterTable } from '../table/router_table.ts';
import { flowHash } from '../wire/flow_hash.ts';

/** The next hop of a route for the flow of `row`. All packets of a flow take the same one (RFC 2992). */
export function hopOf(
  { hopAt, hopCount }: RouterTable,
  route: number,
  batch: FrameBatch,
  row: number,
): number {
  const count = hopCount[route];
  if (count === 1) return hopAt[route];
  const { rows, view } = batch;
  const hash = flowHash(view, rows[row + COLUMN.start], rows[row + COLUMN.rest], batch.headLength(row));
  return hopAt[route] + (((hash >>> 16) * count) >>> 16);
}

/** Whether one of the next hops of a route is behind an interface. */
export function isBack(
  { kind, hopAt, hopCount, hopInterface }: RouterTable,
  route: number,
  by: number,
): boolean {
  if (route === 0 || kind[route] !== ROUTE.forward) return false;
  const end = hopAt[route] + hopCount[route];
  for (let hop = hopAt[route]; hop < end; hop++) if (hopInterface[hop] === by) return true;
  return false;
}
