// What the network of a VLAN takes out of it, or keeps out: bits of NETWORK.

import type { NetworkPlace } from '../config/network_places.ts';
import { networkOf } from '../config/networks.ts';
import type { BridgeConfig, PortConfig } from '../config/schema.ts';
import { NETWORK } from '../table/traps.ts';

/** `hasRouter`: an interface of a router advertises there. */
export function networkBits(place: NetworkPlace, bridge: BridgeConfig, hasRouter: boolean): number {
  const { mode, ra, dhcp6 } = place.config;
  const network = networkOf(place, bridge);
  const { ipv6 } = network ?? {};
  return (
    (network === undefined ? 0 : NETWORK.guardsAddresses) |
    (network?.dhcp === undefined ? 0 : NETWORK.dhcp) |
    (ipv6?.advertises === true ? NETWORK.solicitation : 0) |
    (ipv6?.dhcp === undefined ? 0 : NETWORK.dhcp6) |
    (ra || hasRouter ? NETWORK.guardsRouters : 0) |
    (dhcp6 === false ? 0 : NETWORK.guardsServers) |
    (mode === 'bridged' ? NETWORK.hasOthers : 0)
  );
}

const OF_GUESTS: ReadonlySet<PortConfig['type']> = new Set([
  'tap',
  'veth',
  'stream',
  'dgram',
  'vhost_user',
  'memory',
]);

/** Whether guests are behind a port, and not what connects the bridge with others. */
export function isGuests({ type }: PortConfig): boolean {
  return OF_GUESTS.has(type);
}
