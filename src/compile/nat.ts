// NAT rules of the configuration -> arrays of the data plane (table/nat_table.ts).
//
// Routers have zones, and rules numbers, that stay with them, so that connections outlive a reconfiguration. One that went is not
// given out again before the next: the data plane ends its connections first.

import { randomFillSync } from 'node:crypto';
import { ownAddresses, TO_INTERFACE } from '../config/nat.ts';
import {
  NAT_PROTOCOLS,
  parseDestination,
  parsePool,
  parsePorts,
  parseSource,
  parseTarget,
} from '../config/nat_rule.ts';
import {
  CONNECTIONS_DEFAULTS,
  type ConnectionsConfig,
  MAX_CONNECTIONS,
  type NatRuleConfig,
} from '../config/nat_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { type AddressRange, maskOf, overlaps, type Subnet } from '../config/subnet.ts';
import { STATES, timeoutsByState } from '../table/connection_state.ts';
import { Connections } from '../table/connections.ts';
import { SEED_WORDS } from '../table/line_table.ts';
import { NAT_FLAG, NAT_RULE, type NatTable } from '../table/nat_table.ts';
import { ipv4Number } from '../wire/ip_address.ts';
import { Names } from './names.ts';
import type { Numbered } from './routes.ts';
import { shared } from './shared.ts';

/** Most routers with NAT, and most rules of a switch. */
const MAX_ZONES = 65_536;
const MAX_RULES = 65_536;
/** Memory is given back when it is so many times too large. */
const SHRINK = 8;

export class NatNumbers {
  readonly zones = new Names('routers with NAT', MAX_ZONES);
  readonly rules = new Names('NAT rules', MAX_RULES);

  private memory: SharedArrayBuffer | undefined;
  private capacity = 0;
  private readonly randomWords: (count: number) => Int32Array;

  constructor(randomWords?: (count: number) => Int32Array) {
    this.randomWords = randomWords ?? ((count) => randomFillSync(new Int32Array(count)));
  }

  /** Memory for so many connections: the same as before unless that is too small, or much too large. */
  memoryFor(capacity: number): SharedArrayBuffer {
    if (this.memory === undefined || capacity > this.capacity || capacity * SHRINK < this.capacity) {
      this.memory = Connections.allocate(capacity, this.randomWords(SEED_WORDS));
      this.capacity = capacity;
    }
    return this.memory;
  }

  /** Nothing is translated any more. */
  forget(): void {
    this.memory = undefined;
  }

  keep(zones: ReadonlySet<string>, rules: ReadonlySet<string>): void {
    this.zones.keep(zones);
    this.rules.keep(rules);
  }
}

/** Null if no router translates. */
export function compileNat(
  routers: Readonly<SwitchConfig['routers']> & object,
  interfaces: readonly Numbered[],
  numbers: NatNumbers,
): NatTable | null {
  const translating = Object.entries(routers).filter(([, { nat }]) => nat.length > 0);
  const ofRouter = (name: string) => interfaces.filter(({ router }) => router === name);
  const names = translating.flatMap(([name, { nat }]) => ruleNames(name, nat, ofRouter(name)));
  for (const [name] of translating) numbers.zones.number(name);
  for (const name of names) numbers.rules.number(name);
  // Not before: what is new must not get the number of what goes.
  numbers.keep(new Set(translating.map(([name]) => name)), new Set(names));
  if (translating.length === 0) {
    numbers.forget();
    return null;
  }
  const table = allocate(interfaces.length + 1, numbers.zones.length, names.length);
  let at = 0;
  const order = translating.toSorted(([a], [b]) => numbers.zones.number(a) - numbers.zones.number(b));
  for (const [name, { nat, connections = CONNECTIONS_DEFAULTS }] of order) {
    const zone = numbers.zones.number(name);
    const own = ofRouter(name);
    const ruleName = ruleNames(name, nat, own);
    for (const { number } of own) table.zone[number] = zone;
    for (const { number } of insidesOf(nat, own)) table.inside[number] = 1;
    const addresses = ownAddresses(own);
    table.first.fill(at, zone);
    setLimits(table, zone, connections);
    for (const [index, rule] of nat.entries()) {
      table.id[at] = numbers.rules.number(ruleName[index]);
      table.via[at] = own.find((one) => one.name === rule.via)?.number ?? 0;
      fill(table, at++, rule, addresses);
    }
    table.first.fill(at, zone + 1);
  }
  const sum = order.reduce(
    (count, [, { connections }]) => count + (connections ?? CONNECTIONS_DEFAULTS).limit,
    0,
  );
  return { ...table, memory: numbers.memoryFor(Math.min(sum, MAX_CONNECTIONS)) };
}

/**
 * What a rule says, and the addresses that it stands for: where an interface has another one, the rule is another one, and
 * connections with the old address end, as Linux' masquerade has it.
 */
function ruleNames(router: string, nat: readonly NatRuleConfig[], own: readonly Numbered[]): string[] {
  const insides = new Set(insidesOf(nat, own));
  return nat.map((rule) => {
    const isOfInterfaces =
      rule.to === TO_INTERFACE ||
      (rule.destination !== undefined && parseDestination(rule.destination)?.address === undefined);
    const outsides = own.filter((one) =>
      rule.via === undefined ? !insides.has(one) : one.name === rule.via,
    );
    const addresses = isOfInterfaces ? [...ownAddresses(outsides)] : [];
    return `${router} ${JSON.stringify([rule, addresses])}`;
  });
}

function allocate(interfaces: number, zones: number, rules: number) {
  return shared({
    first: [Uint16Array, zones + 1],
    limit: [Uint32Array, zones],
    timeouts: [Int32Array, zones * STATES],
    zone: [Uint16Array, interfaces],
    inside: [Uint8Array, interfaces],
    kind: [Uint8Array, rules],
    id: [Int32Array, rules],
    protocol: [Uint8Array, rules],
    address: [Int32Array, rules],
    mask: [Int32Array, rules],
    portFirst: [Uint16Array, rules],
    portLast: [Uint16Array, rules],
    via: [Uint16Array, rules],
    to: [Int32Array, rules],
    toCount: [Uint32Array, rules],
    toPort: [Uint16Array, rules],
    flags: [Uint8Array, rules],
  });
}

function setLimits(table: Arrays, zone: number, connections: ConnectionsConfig): void {
  table.limit[zone] = connections.limit;
  const timeouts = timeoutsByState({
    udp: connections.udp_timeout,
    icmp: connections.icmp_timeout,
    tcp_established: connections.tcp_timeout,
    tcp_transitory: connections.tcp_transitory_timeout,
  });
  table.timeouts.set(timeouts, zone * STATES);
}

type Arrays = ReturnType<typeof allocate>;

function fill(table: Arrays, at: number, rule: NatRuleConfig, own: ReadonlySet<number>): void {
  if (rule.destination !== undefined) fillDestination(table, at, rule, rule.destination, own);
  else if (rule.one_to_one !== undefined) {
    table.kind[at] = NAT_RULE.one_to_one;
    match(table, at, parseSource(rule.one_to_one) as Subnet);
    table.to[at] = (parseSource(rule.to) as Subnet).network;
    table.toCount[at] = 2 ** (32 - (parseSource(rule.to) as Subnet).prefix);
  } else fillSource(table, at, rule, own);
}

function fillSource(table: Arrays, at: number, rule: NatRuleConfig, own: ReadonlySet<number>): void {
  table.kind[at] = NAT_RULE.source;
  match(table, at, parseSource(rule.source as string) as Subnet);
  table.protocol[at] = rule.protocol === undefined ? 0 : NAT_PROTOCOLS[rule.protocol];
  const ports = rule.ports === undefined ? undefined : parsePorts(rule.ports);
  table.portFirst[at] = ports?.first ?? 0;
  table.portLast[at] = ports?.last ?? 0;
  const pool = rule.to === TO_INTERFACE ? undefined : parsePool(rule.to);
  table.to[at] = pool?.first ?? 0;
  table.toCount[at] = pool === undefined ? 0 : pool.last - pool.first + 1;
  table.flags[at] =
    (rule.mapping === 'address-and-port-dependent' ? 0 : NAT_FLAG.sameForAll) |
    (rule.filtering === 'endpoint-independent' ? NAT_FLAG.openToAll : 0) |
    (pool !== undefined && isExclusive(pool, own) ? NAT_FLAG.exclusive : 0) |
    (rule.private === true ? NAT_FLAG.private : 0);
}

function fillDestination(
  table: Arrays,
  at: number,
  rule: NatRuleConfig,
  text: string,
  own: ReadonlySet<number>,
): void {
  const { address, protocol, ports } = parseDestination(text) ?? {};
  const target = parseTarget(rule.to);
  table.kind[at] = NAT_RULE.destination;
  table.address[at] = address ?? 0;
  table.mask[at] = -1;
  table.protocol[at] = protocol === undefined ? 0 : NAT_PROTOCOLS[protocol];
  table.portFirst[at] = ports?.first ?? 0;
  table.portLast[at] = ports?.last ?? 0;
  table.to[at] = target?.address ?? 0;
  table.toCount[at] = 1;
  table.toPort[at] = target?.port ?? 0;
  table.flags[at] = address === undefined ? NAT_FLAG.ownAddress : own.has(address) ? 0 : NAT_FLAG.exclusive;
}

function match(table: Arrays, at: number, subnet: Subnet): void {
  table.address[at] = subnet.network;
  table.mask[at] = maskOf(subnet);
}

/** Whether no interface has one of the addresses. */
function isExclusive({ first, last }: AddressRange, own: ReadonlySet<number>): boolean {
  return ![...own].some((address) => address >= first && address <= last);
}

/** Interfaces behind which sources of rules are. */
function insidesOf(nat: readonly NatRuleConfig[], interfaces: readonly Numbered[]): Numbered[] {
  const sources = nat.flatMap(({ source, one_to_one }) => parseSource(source ?? one_to_one ?? '') ?? []);
  return interfaces.filter(({ addresses }) =>
    addresses.some(({ subnet: { address, bits } }) => {
      if (address.length !== 4) return false;
      const subnet = { network: ipv4Number(address), prefix: bits };
      // A rule for every address there is says nothing of what is behind an interface.
      return sources.some((source) => source.prefix > 0 && overlaps(source, subnet));
    }),
  );
}
