// Names of a network's guests, of both IP versions.

import type { Names } from '../protocol/dns/names.ts';
import type { Ipv6Service } from './ipv6_service.ts';
import type { Stations } from './stations.ts';

/** An IPv6 address has the name of its host in the configuration, or else that of the same station's IPv4 address. */
export function withIpv6(names: Names, ipv6: Ipv6Service, stations: Stations): Names {
  return {
    size: names.size,
    addressOf: (name) => names.addressOf(name),
    nameOf: (address) => names.nameOf(address),
    address6Of: (name) => {
      const mac = stations.macOf.get(names.addressOf(name) ?? -1);
      return ipv6.addressOfHost(name) ?? (mac === undefined ? undefined : ipv6.addressOf(mac));
    },
    nameOf6: (address) =>
      ipv6.hostAt(address) ?? names.nameOf(stations.addressOf.get(ipv6.macOf(address) ?? '') ?? -1),
  };
}
