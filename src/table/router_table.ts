// What the data plane needs of routers: flat arrays in shared memory, part of a topology. An interface of a router is a port of the
// switch without a device; what is sent to its MAC has it as its destination, and leaves in another domain.
//
//   dest = port  ->  interfaceOf  ->  interface: router, table  ->  LPM  ->  route  ->  next hop: interface, address  ->  neighbour
//
// Interfaces, routes and next hops are numbers from 1 on. Addresses of IPv4 are one word, of IPv6 four, as they are on the wire.

import type { Lpm } from './lpm.ts';
import type { NatTable } from './nat_table.ts';

/** What becomes of a packet whose destination a route matches. */
export const ROUTE = {
  /** Another hop, or the destination itself, behind `hops`. */
  forward: 0,
  /** One of the router's own addresses. */
  local: 1,
  /** Dropped without a word (RTN_BLACKHOLE). */
  blackhole: 2,
  /** Dropped, and the sender is told: host unreachable (RTN_UNREACHABLE). */
  unreachable: 3,
  /** Dropped, and the sender is told: administratively prohibited (RTN_PROHIBIT). */
  prohibit: 4,
  /** A directed broadcast, which is not forwarded (RFC 2644). */
  broadcast: 5,
} as const;

/** Flags of an interface. */
export const INTERFACE = {
  ipv4: 1,
  ipv6: 2,
  /** Packets whose source is not routed back this way are dropped (RFC 3704 section 2.2). */
  strict: 4,
  /** Packets whose source has no route are dropped. */
  loose: 8,
  /** ARP requests for what is routed by another interface are answered. */
  proxy: 32,
  /** Other hosts behind tunnels have the same interface, with the same addresses. */
  anycast: 64,
  /** Router solicitations are the control plane's, and router advertisements of others (a copy). */
  advertises: 128,
  slaac: 256,
} as const;

/** Words of `own`. */
export const OWN_WORDS = 1024;

/** The bit of an address in `own`, by its last word. */
export function ownBit(word: number): number {
  return Math.imul(word, 0x9e37_79b1 | 0) >>> 17;
}

/** Whether an address may be a router's own, by its last word. */
export function mayBeOwn({ own }: RouterTable, word: number): boolean {
  const bit = ownBit(word);
  return ((own[bit >>> 5] >>> (bit & 31)) & 1) !== 0;
}

export interface RouterTable {
  /** By port of the switch: its interface, 0 = none. */
  readonly interfaceOf: Uint16Array;
  /** By domain: the first interface in it, 0 = none; the others follow in `nextInDomain`. */
  readonly inDomain: Uint16Array;

  // by interface
  readonly nextInDomain: Uint16Array;
  readonly port: Uint16Array;
  readonly router: Uint16Array;
  /** Domain << 16 | flags of the port in it, as Topology.vlan has it, is looked up; this is the VID. */
  readonly vid: Uint16Array;
  readonly macHi: Uint16Array;
  readonly macLo: Int32Array;
  /** Bytes of the largest packet that leaves here. */
  readonly mtu: Uint32Array;
  readonly flags: Uint16Array;
  /** The table of routes for what comes in here, for IPv4 and IPv6 alike: a number of `lpm`. */
  readonly table: Uint16Array;
  /** The first address of the interface: the source of what the router says there; 0 = it has none. */
  readonly address4: Int32Array;
  /** Four words: a global address if it has one, else the link-local one. */
  readonly address6: Int32Array;
  /** Four words: the link-local address, which is in no table of routes; all 0 = the interface has no IPv6. */
  readonly linkLocal: Int32Array;

  /** (table, destination) -> route, 0 = none. */
  readonly lpm: Lpm;

  /** Bits by `ownBit`: an address without its bit is no router's own. */
  readonly own: Int32Array;

  // by route
  readonly kind: Uint8Array;
  /**
   * Its next hops: hopAt[route] .. hopAt[route] + hopCount[route] - 1; one is chosen by the flow. Of a local or broadcast
   * address one, with the interface that it belongs to.
   */
  readonly hopAt: Uint32Array;
  readonly hopCount: Uint16Array;

  // by next hop
  readonly hopInterface: Uint16Array;
  /** Four words: the address of the neighbour, IPv4 in the last; all 0 = the destination itself (connected). */
  readonly hopAddress: Int32Array;
  /** 4 or 6: of what family `hopAddress` is; 0 = connected. An IPv4 route may have an IPv6 neighbour (RFC 5549). */
  readonly hopFamily: Uint8Array;

  /** Null or left out: nothing is translated. */
  readonly nat?: NatTable | null;
}
