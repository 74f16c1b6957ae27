// What the router asks of NAT. Bytes change once, at the very end, in the row that goes on: until then a packet is as it
// was received, for mirrors, for captures, and for ICMP errors, which quote what their receiver has sent.
//
//   gather -> before: `dst` is where the packet goes   -> routes by `dst` -> after: who it comes from -> own, rewrite
//
// Of IPv4 only; rows of IPv6 are left alone.

import type { RouterTable } from '../table/router_table.ts';
import type { Routed } from './routed.ts';

export interface NatHook {
  /**
   * Finds the connections of packets whose rows have an interface of a router as their dest, and whose IPv4 header is whole,
   * verified, and no martian's. Sets `dst` where it is translated. What is refused has its drop in its row's dest, and is
   * DROPPED afterwards.
   */
  before(router: RouterTable, list: Routed): void;

  /**
   * The same packets, now with their ways out: their `egress`. Opens connections. What is refused goes NOWHERE, and has its
   * drop; of what goes NOWHERE already nothing is noted.
   */
  after(router: RouterTable, list: Routed): void;

  /**
   * Whether the packet of `row` changes. Then `rewrite` is wanted for the row that goes on, once it owns its headers; for
   * what the router answers itself, too, before it is read.
   */
  isTranslated(row: number): boolean;

  /** Translates the headers of `next`, which has come from `row`, or is it: addresses, ports, checksums, what an ICMP error quotes. */
  rewrite(row: number, next: number): void;
}
