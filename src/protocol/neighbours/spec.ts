// What neighbour discovery is told of the world, and what it says.

import type { InterfaceAddress } from '../../config/router_address.ts';
import type { IpBytes } from '../../wire/ip_address.ts';
import type { Mac } from '../../wire/mac.ts';

/** RFC 4861 section 7.3.2; `failed` and `permanent` as in Linux. */
export const NEIGHBOUR_STATES = [
  'incomplete',
  'reachable',
  'stale',
  'delay',
  'probe',
  'failed',
  'permanent',
] as const;
export type NeighbourState = (typeof NEIGHBOUR_STATES)[number];

/** An interface of a router. */
export interface InterfaceSpec {
  mac: Mac;
  addresses: readonly InterfaceAddress[];
  /** Undefined: it has no IPv6. */
  linkLocal: IpBytes | undefined;
  /** Neighbours that are not asked for, by address. */
  statics: ReadonlyMap<string, Mac>;
  /** Most neighbours. */
  limit: number;
}

export interface NeighbourSays {
  /** Asks one who was there last, or everybody. */
  ask(address: IpBytes, to: Mac | undefined): void;
  /** From now on packets go there: where the data plane keeps it, or -1, as there is no room. */
  found(address: IpBytes, mac: Mac): number;
  lost(slot: number): void;
  /** Whether packets went there since this was asked last. */
  takeUsed(slot: number): boolean;
  /** Sends a frame that has waited, whole. */
  deliver(frame: Uint8Array): void;
  /** Nobody has the address to which this frame should go. */
  unreachable(address: IpBytes, frame: Uint8Array): void;
  /** It has another MAC address, or answers no longer although packets go there. */
  tell(change: 'changed' | 'removed', address: IpBytes, mac: Mac, before: Mac | undefined): void;
}
