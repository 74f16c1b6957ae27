// Where scenes of routers take place: three routers, two networks of hosts at each, and one between each two. A scene uses some
// of them. Addresses and MACs follow from numbers:
//
//   network n        10.1.n.0/24, fd00:0:0:n::/64
//   router r in it   .r+1, ::r+1     02:00:00:01:r:n, and the link-local address that follows from it
//   host h in it     .h, ::h, fe80::h     02:00:00:02:n:h

import { formatIp } from '../../../../src/wire/ip_address.ts';

export const ROUTERS = 3;
/** Many, since Linux tells each of them only so often that there is no way (ip_error in net/ipv4/route.c). */
export const HOSTS = Array.from({ length: 96 }, (_, n) => 100 + n);
/** Hosts that are next hops: no route leads around them. */
export const GATEWAYS = [200, 201, 202, 203];

export interface Network {
  number: number;
  /** Those that may have an interface in it: one, of hosts, or the two that it joins. */
  routers: readonly number[];
  /** IPv6 needs 1,280 bytes. */
  isNarrow: boolean;
}

const EDGES: Network[] = Array.from({ length: 2 * ROUTERS }, (_, number) => ({
  number,
  routers: [number >> 1],
  isNarrow: number === 1,
}));
const LINKS: Network[] = [
  { number: 6, routers: [0, 1], isNarrow: false },
  { number: 7, routers: [0, 2], isNarrow: false },
  { number: 8, routers: [1, 2], isNarrow: true },
];
export const NETWORKS: readonly Network[] = [...EDGES, ...LINKS];

export const isEdge = ({ routers }: Network) => routers.length === 1;

const byte = (value: number) => value.toString(16).padStart(2, '0');
export const routerMac = (r: number, n: number) => `02:00:00:01:${byte(r)}:${byte(n)}`;
export const hostMac = (n: number, h: number) => `02:00:00:02:${byte(n)}:${byte(h)}`;
export const address4 = (n: number, h: number) => `10.1.${n}.${h}`;
export const address6 = (n: number, h: number) => `fd00:0:0:${n.toString(16)}::${h.toString(16)}`;
export const routerHost = (r: number) => r + 1;
export const hostLinkLocal = (h: number) => `fe80::${h.toString(16)}`;

/** RFC 4291 appendix A. */
export function routerLinkLocal(r: number, n: number): string {
  const bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 1, r, n];
  return formatIp(Uint8Array.from(bytes));
}

export interface Neighbour {
  address: string;
  mac: string;
}

/** Who is in a network beside router `r`. @param silent hosts that are not there */
export function neighboursOf(
  { number: n, routers, isNarrow }: Network,
  r: number,
  silent: readonly number[] = [],
): Neighbour[] {
  const present = [...HOSTS, ...GATEWAYS].filter((h) => !silent.includes(h));
  const hosts =
    routers.length > 1 ? [] : present.map((h) => ({ h, mac: hostMac(n, h), link: hostLinkLocal(h) }));
  const others = routers
    .filter((other) => other !== r)
    .map((other) => ({ h: routerHost(other), mac: routerMac(other, n), link: routerLinkLocal(other, n) }));
  return [...hosts, ...others].flatMap(({ h, mac, link }) => {
    const addresses = [address4(n, h), ...(isNarrow ? [] : [address6(n, h), link])];
    return addresses.map((address) => ({ address, mac }));
  });
}
