// The texts of a rule of a security group, and what they mean.

import { parseIp } from '../wire/ip_address.ts';
import { type IpPrefix, parseExactPrefix } from '../wire/ip_prefix.ts';

/** Everybody; instead of rules: everything. */
export const ANY = 'any';

export const GROUP_PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132 } as const;
/** Protocols whose packets have ports. */
const WITH_PORTS: ReadonlySet<number> = new Set([
  GROUP_PROTOCOLS.tcp,
  GROUP_PROTOCOLS.udp,
  GROUP_PROTOCOLS.sctp,
]);
const MAX_PORT = 65_535;

/** What is written of a rule. */
export interface RuleText {
  protocol?: keyof typeof GROUP_PROTOCOLS | number;
  ports?: number | string | (number | string)[];
  from?: string | string[];
  to?: string | string[];
}

export interface PortRange {
  first: number;
  last: number;
}

/** Whom a rule is about. */
export type Peer = 'any' | { prefix: IpPrefix } | { group: string };

export function isGroupName(text: string): boolean {
  return /^[\w-]{1,32}$/.test(text) && text !== ANY && !(text in Object.prototype);
}

/** `8000-8099` or `80`. */
export function parsePortRange(value: string | number): PortRange | undefined {
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value));
  if (parts === null) return undefined;
  const first = Number(parts[1]);
  const last = Number(parts[2] ?? parts[1]);
  return last >= first && last <= MAX_PORT ? { first, last } : undefined;
}

/** `10.0.1.5` or `fd00::/64`. */
export function parseMember(text: string): IpPrefix | undefined {
  const address = parseIp(text);
  if (address !== undefined) return { address, bits: 8 * address.length };
  return parseExactPrefix(text);
}

export function parsePeer(text: string): Peer | undefined {
  if (text === ANY) return ANY;
  if (isGroupName(text)) return { group: text };
  const prefix = parseMember(text);
  return prefix === undefined ? undefined : { prefix };
}

/** Undefined: all protocols. */
export function protocolNumber({ protocol }: RuleText): number | undefined {
  return typeof protocol === 'string' ? GROUP_PROTOCOLS[protocol] : protocol;
}

export function hasRulePorts(protocol: number | undefined): boolean {
  return protocol !== undefined && WITH_PORTS.has(protocol);
}

export function isIcmp(protocol: number | undefined): boolean {
  return protocol === GROUP_PROTOCOLS.icmp || protocol === GROUP_PROTOCOLS.icmpv6;
}

/** Undefined: all ports. */
export function portRangesOf({ ports }: RuleText): PortRange[] | undefined {
  if (ports === undefined) return undefined;
  return (Array.isArray(ports) ? ports : [ports]).map((one) => parsePortRange(one) as PortRange);
}

/** Texts of those whom a rule is about. */
export function peersOf(rule: RuleText, side: 'in' | 'out'): string[] {
  const value = (side === 'in' ? rule.from : rule.to) ?? ANY;
  return Array.isArray(value) ? value : [value];
}
