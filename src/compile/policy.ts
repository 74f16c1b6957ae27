// Security groups of the configuration -> what the data plane asks (table/policy_table.ts).
//
// Ports in the same groups share a set of rules. A group that a rule names stands for its ports, and for the addresses that it lists.

import { randomFillSync } from 'node:crypto';
import {
  ANY,
  isIcmp,
  type Peer,
  parseMember,
  parsePeer,
  peersOf,
  portRangesOf,
  protocolNumber,
} from '../config/group_rule.ts';
import {
  GROUP_CONNECTIONS_DEFAULTS,
  type GroupConnectionsConfig,
  type GroupRuleConfig,
  type GroupsConfig,
} from '../config/group_shape.ts';
import { groupedPorts } from '../config/grouped_ports.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { VLAN_STRIDE } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import type { Parts } from '../parts.ts';
import { KEYS, ruleKey } from '../table/classifier.ts';
import { STATES, timeoutsByState } from '../table/connection_state.ts';
import { Connections } from '../table/connections.ts';
import { SEED_WORDS } from '../table/line_table.ts';
import { MAX_GENERATION, type PolicyTable } from '../table/policy_table.ts';
import { formatPrefix, type IpPrefix } from '../wire/ip_prefix.ts';
import { ClassifierBuilder, MAX_SETS, type Match } from './classifier_builder.ts';
import { groupLimits } from './group_limits.ts';
import type { Names } from './names.ts';
import { PortBirths } from './port_births.ts';
import { shared } from './shared.ts';
import { connectionShares } from './tenants.ts';

/** What rules come to, where ports are in several groups and rules name groups of many addresses. */
const MAX_MATCHES = 2 ** 21;
/** Memory is given back when it is so many times too large. */
const SHRINK = 8;
const DOMAIN_SHIFT = 16;
type Side = 'in' | 'out';

/** Where a rule stands. */
export interface PlacedRule {
  group: string;
  side: Side;
  /** Undefined: `any` instead of rules. */
  index?: number;
}

export class PolicyNumbers {
  /** By number of a rule, of the last compilation. */
  rules: readonly (PlacedRule | undefined)[] = [];
  private memory: SharedArrayBuffer | undefined;
  private capacity = 0;
  private generation = 0;
  private content = '';
  private readonly births = new PortBirths();
  private last: { name: string; table: PolicyTable } | undefined;
  private readonly randomWords: (count: number) => Int32Array;

  constructor(randomWords?: (count: number) => Int32Array) {
    this.randomWords = randomWords ?? ((count) => randomFillSync(new Int32Array(count)));
  }

  /** Null if no port is in a group. @throws TaploomError `too_many` */
  *compile(config: SwitchConfig, ports: Names, domains: number, vlan: Int32Array): Parts<PolicyTable | null> {
    const grouped = groupsByNumber(config, ports);
    if (grouped.size === 0) {
      this.memory = undefined;
      this.last = undefined;
      return null;
    }
    const { groups = {}, connections = GROUP_CONNECTIONS_DEFAULTS } = config;
    const zones = zonesOf(grouped.keys(), vlan);
    const content = JSON.stringify([groups, [...grouped], zones]);
    const shares = connectionShares(config, ports, connections.port_limit);
    const name = JSON.stringify([content, connections, ports.length, domains, [...shares]]);
    // A topology for another reason: a port that is up, a route.
    if (this.last?.name === name) return this.last.table;
    const numbers = new Map(Object.keys(groups).map((name, index) => [name, index]));
    const rules = new RuleSets(groups, numbers);
    const table = shared({
      out: [Uint16Array, ports.length],
      in: [Uint16Array, ports.length],
      domains: [Uint8Array, domains],
      since: [Uint32Array, ports.length],
      limit: [Uint32Array, domains],
      timeouts: [Int32Array, domains * STATES],
      portLimits: [Uint32Array, ports.length],
    });
    const groupsOf: number[][] = Array.from({ length: ports.length }, () => []);
    for (const [port, names] of grouped) {
      const known = names.filter((name) => numbers.has(name));
      groupsOf[port] = known.map((name) => numbers.get(name) as number);
      table.out[port] = rules.setOf('out', known);
      table.in[port] = rules.setOf('in', known);
      yield;
    }
    for (const zone of zones) table.domains[zone] = 1;
    table.limit.fill(connections.limit);
    table.portLimits.fill(connections.port_limit);
    for (const [port, most] of shares) table.portLimits[port] = most;
    setTimeouts(table.timeouts, connections);
    const classifier = yield* rules.builder.build(groupsOf);
    const generation = this.generationOf(content);
    this.births.fill(table.since, namesByNumber(config, ports), generation);
    this.rules = rules.places;
    const whole = {
      ...table,
      classifier,
      generation,
      keepsEstablished: connections.keep_established,
      isStrict: connections.tcp_window === 'strict',
      groupLimits: groupLimits(groups, grouped, ports.length),
      memory: this.memoryFor(connections.limit),
    };
    this.last = { name, table: whole };
    return whole;
  }

  private generationOf(content: string): number {
    if (content !== this.content) this.generation = (this.generation % MAX_GENERATION) + 1;
    this.content = content;
    return this.generation;
  }

  private memoryFor(capacity: number): SharedArrayBuffer {
    if (this.memory === undefined || capacity > this.capacity || capacity * SHRINK < this.capacity) {
      this.memory = Connections.allocate(capacity, this.randomWords(SEED_WORDS), true);
      this.capacity = capacity;
    }
    return this.memory;
  }
}

/** Names of groups by number of a port that is in one. A group that is not there lets nothing in or out. */
function groupsByNumber(config: SwitchConfig, ports: Names): Map<number, string[]> {
  const grouped = new Map<number, string[]>();
  for (const [name, groups] of groupedPorts(config)) {
    const port = ports.find(name);
    if (groups.length > 0 && port !== undefined) grouped.set(port, groups);
  }
  return grouped;
}

function namesByNumber(config: SwitchConfig, ports: Names): Map<number, string> {
  return new Map(Array.from(groupedPorts(config), ([name]) => [ports.find(name) ?? 0, name]));
}

/** Domains in which some of the ports are. */
function zonesOf(ports: Iterable<number>, vlan: Int32Array): number[] {
  const zones = new Set<number>();
  for (const port of ports) {
    for (let at = port * VLAN_STRIDE; at < (port + 1) * VLAN_STRIDE; at++)
      if (vlan[at] !== 0) zones.add(vlan[at] >>> DOMAIN_SHIFT);
  }
  return [...zones].sort((a, b) => a - b);
}

/** @throws TaploomError `too_many`, if `compile` would */
export function checkPolicy({ bridges, groups = {} }: SwitchConfig): void {
  const rules = new RuleSets(groups, new Map(Object.keys(groups).map((name, index) => [name, index])));
  for (const [, own] of groupedPorts({ bridges })) {
    const known = own.filter((name) => Object.hasOwn(groups, name));
    for (const side of ['in', 'out'] as const) if (own.length > 0) rules.setOf(side, known);
  }
}

/** Sets of rules, one for each direction and each choice of groups. */
class RuleSets {
  readonly builder = new ClassifierBuilder();
  /** By rule. */
  readonly places: (PlacedRule | undefined)[] = [undefined];
  private readonly sets = new Map<string, number>();
  private readonly firstRule = new Map<string, number>();
  private readonly groups: GroupsConfig;
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly members = new Map<string, [string, IpPrefix][]>();
  private matches = 0;

  constructor(groups: GroupsConfig, numbers: ReadonlyMap<string, number>) {
    this.groups = groups;
    this.numbers = numbers;
    for (const [group, { members, ...sides }] of Object.entries(groups)) {
      const prefixes = members.map((text) => parseMember(text) as IpPrefix);
      this.members.set(
        group,
        prefixes.map((prefix) => [formatPrefix(prefix), prefix]),
      );
      for (const side of ['in', 'out'] as const) {
        const rules = sides[side];
        this.firstRule.set(`${side} ${group}`, this.places.length);
        if (rules === ANY) this.places.push({ group, side });
        else for (const index of rules.keys()) this.places.push({ group, side, index });
      }
    }
  }

  setOf(side: Side, groups: readonly string[]): number {
    const key = `${side} ${[...groups].sort().join()}`;
    const known = this.sets.get(key);
    if (known !== undefined) return known;
    if (this.sets.size === MAX_SETS)
      throw new TaploomError('too_many', `Cannot have more than ${MAX_SETS / 2} choices of groups of ports`);
    const set = this.builder.addSet();
    this.sets.set(key, set);
    for (const group of groups) {
      const rules = this.groups[group][side];
      const first = this.firstRule.get(`${side} ${group}`) as number;
      if (rules === ANY) this.builder.forAnybody(set, { rule: first, first: 0, last: KEYS - 1 });
      else for (const [index, rule] of rules.entries()) this.add(set, side, rule, first + index);
    }
    return set;
  }

  private add(set: number, side: Side, rule: GroupRuleConfig, number: number): void {
    const peers = peersOf(rule, side).map((text) => parsePeer(text) as Peer);
    for (const { first, last } of keysOf(rule)) {
      for (const peer of peers) this.addMatch(set, peer, { rule: number, first, last });
    }
  }

  private addMatch(set: number, peer: Peer, match: Match): void {
    const { builder } = this;
    this.count(1);
    if (peer === ANY) builder.forAnybody(set, match);
    else if ('prefix' in peer) builder.forPrefix(set, formatPrefix(peer.prefix), peer.prefix, match);
    else {
      const group = this.numbers.get(peer.group);
      if (group === undefined) return;
      builder.forGroup(set, group, match);
      const members = this.members.get(peer.group) ?? [];
      this.count(members.length);
      for (const [name, prefix] of members) builder.forPrefix(set, name, prefix, match);
    }
  }

  private count(more: number): void {
    this.matches += more;
    if (this.matches <= MAX_MATCHES) return;
    throw new TaploomError(
      'too_many',
      `Cannot have more than ${MAX_MATCHES} rules after groups stand for their members: let rules name prefixes, or fewer groups`,
    );
  }
}

/** Ranges of keys of the classifier. */
function keysOf(rule: GroupRuleConfig): { first: number; last: number }[] {
  const protocol = protocolNumber(rule);
  if (protocol === undefined) return [{ first: 0, last: KEYS - 1 }];
  const all = { first: ruleKey(protocol, 0), last: ruleKey(protocol, 0xffff) };
  if (isIcmp(protocol) && rule.type !== undefined)
    return [{ first: all.first | (rule.type << 8), last: all.first | (rule.type << 8) | 0xff }];
  return (
    portRangesOf(rule)?.map(({ first, last }) => ({ first: all.first | first, last: all.first | last })) ?? [
      all,
    ]
  );
}

function setTimeouts(table: Int32Array, connections: GroupConnectionsConfig): void {
  const timeouts = timeoutsByState({
    udp: connections.udp_timeout,
    icmp: connections.icmp_timeout,
    tcp_established: connections.tcp_timeout,
    tcp_transitory: connections.tcp_transitory_timeout,
  });
  for (let at = 0; at < table.length; at += STATES) table.set(timeouts, at);
}
