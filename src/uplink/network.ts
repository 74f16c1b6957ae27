// What the way out through the host's kernel knows of a network of guests.

import { type IpBytes, ipFamily } from '../wire/ip_address.ts';
import type { IpPrefix } from '../wire/ip_prefix.ts';
import type { Transport } from '../wire/nf_expressions.ts';

/** `isolated`: the host has nothing to do with it. */
export type NetworkMode = 'isolated' | 'host-only' | 'nat' | 'routed';

export interface HostNetwork {
  /** The bridge's own interface, which is the guests' gateway. */
  interface: string;
  mode: NetworkMode;
  /** Of either family, at most a few. */
  subnets: readonly IpPrefix[];
  /** Of mode `nat`: the address of each family that guests leave as, which leads to this host. Without, the uplink's. */
  as?: readonly IpBytes[];
  /** Of modes `nat` and `routed`. */
  publish: readonly PublishedPort[];
}

/** A port of the host's own addresses that leads to a guest. */
export interface PublishedPort {
  protocol: Transport;
  port: number;
  to: IpBytes;
  toPort: number;
}

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** Whether guests may leave the network by the host. */
export function leadsOut({ mode }: HostNetwork): boolean {
  return mode === 'nat' || mode === 'routed';
}

export function subnetsOf(network: HostNetwork, family: Family): IpPrefix[] {
  return network.subnets.filter(({ address }) => ipFamily(address) === family);
}
