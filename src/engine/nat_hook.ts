// What the router asks of NAT. Bytes change once, at the very end, in the row that goes on: until then a packet is as it
// was received, for mirrors, for captures, and for ICMP errors, which quote what their receiver has sent.
//
//   gather -> before: dst[n] is where the packet goes   -> routes by dst[n] -> after: who it comes from -> own, rewrite
//
// Of IPv4 only; rows of IPv6 are left alone.

import type { RouterTable } from '../table/router_table.ts';

export interface NatHook {
  /**
   * Finds the connections of `list[0 .. count)`, rows whose dest is an interface of a router and whose IPv4 header is
   * whole, verified, and no martian's. `dst[n]` is the destination of `list[n]`, and changes where it is translated.
   * A row that is refused has its drop in `dest` afterwards.
   */
  before(router: RouterTable, list: Int32Array, count: number, dst: Int32Array): void;

  /**
   * The same rows, or those of them that are left, now with their ways out: `egress[n]` is the interface by which `list[n]`
   * will leave, 0 = it is for the router itself. Opens connections, and refuses rows by `dest`. What the router drops is not
   * to be in the list; of no row more than once. Rows that it has made itself (ICMP errors) need not have been in `before`.
   */
  after(router: RouterTable, list: Int32Array, count: number, egress: Int32Array): void;

  /**
   * Whether the packet of `row` changes. Then `rewrite` is wanted for the row that goes on, once it owns its headers; for
   * what the router answers itself, too, before it is read.
   */
  isTranslated(row: number): boolean;

  /** Translates the headers of `next`, which has come from `row`, or is it: addresses, ports, checksums, what an ICMP error quotes. */
  rewrite(row: number, next: number): void;
}
