// The texts of a NAT rule, and what they mean. Addresses are unsigned numbers.

import {
  type AddressRange,
  formatAddress,
  maskOf,
  parseAddress,
  parseAddressRange,
  parseHostAddress,
  parseSubnet,
  type Subnet,
} from './subnet.ts';

export const NAT_PROTOCOLS = { icmp: 1, tcp: 6, udp: 17 } as const;

export interface PortRange {
  first: number;
  last: number;
}

/** What a destination rule is about. */
export interface Published {
  /** Undefined: every address of the router outside. */
  address?: number;
  /** Undefined: all protocols and ports. */
  protocol?: 'tcp' | 'udp';
  ports?: PortRange;
}

export interface Target {
  address: number;
  /** For the first port; undefined: ports stay. */
  port?: number;
}

const MAX_PORT = 65_535;
/** Addresses of a pool, at most: each is one that the router answers for. */
export const MAX_POOL = 65_536;

/** `80` or `8080-8089`. */
export function parsePorts(text: string): PortRange | undefined {
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (parts === null) return undefined;
  const first = Number(parts[1]);
  const last = Number(parts[2] ?? parts[1]);
  return first >= 1 && last >= first && last <= MAX_PORT ? { first, last } : undefined;
}

/** `tcp/192.0.2.9:8080`, `tcp/8080-8089`, or `192.0.2.9`. */
export function parseDestination(text: string): Published | undefined {
  const alone = parseHostAddress(text);
  if (alone !== undefined) return { address: alone };
  const parts = /^(tcp|udp)\/(?:([\d.]+):)?([\d-]+)$/.exec(text);
  if (parts === null) return undefined;
  const ports = parsePorts(parts[3]);
  const address = parts[2] === undefined ? undefined : parseHostAddress(parts[2]);
  if (ports === undefined || (parts[2] !== undefined && address === undefined)) return undefined;
  return { address, protocol: parts[1] as 'tcp' | 'udp', ports };
}

/** `10.0.1.5:80` or `10.0.1.5`. */
export function parseTarget(text: string): Target | undefined {
  const [host, port, ...more] = text.split(':');
  const address = parseHostAddress(host);
  if (address === undefined || more.length > 0) return undefined;
  if (port === undefined) return { address };
  const number = parsePorts(port);
  return number !== undefined && number.first === number.last ? { address, port: number.first } : undefined;
}

/** `192.0.2.9`, `192.0.2.9-192.0.2.12` or `192.0.2.8/29`; undefined if it is none, or too many. */
export function parsePool(text: string): AddressRange | undefined {
  const subnet = parseSubnet(text);
  const alone = parseHostAddress(text);
  const pool =
    subnet !== undefined
      ? { first: subnet.network, last: (subnet.network | ~maskOf(subnet)) >>> 0 }
      : alone !== undefined
        ? { first: alone, last: alone }
        : parseAddressRange(text);
  return pool !== undefined && pool.last - pool.first < MAX_POOL ? pool : undefined;
}

/** A subnet, or an address alone. */
export function parseSource(text: string): Subnet | undefined {
  const alone = parseAddress(text);
  return alone === undefined ? parseSubnet(text) : { network: alone, prefix: 32 };
}

export function formatPool({ first, last }: AddressRange): string {
  return first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`;
}
