// Security groups in names and texts, read in the memory that the data plane uses, without asking it.

import type { PolicyApi, PolicyConnection, PolicyFilter, PolicyStatus, SecurityGroupStatus } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { GROUP_PROTOCOLS } from '../config/group_rule.ts';
import { GROUP_CONNECTIONS_DEFAULTS } from '../config/group_shape.ts';
import { groupedPorts } from '../config/grouped_ports.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { STATE_NAMES, STATES } from '../table/connection_state.ts';
import { ADMITTED, CONNECTION, Connections, FLOW } from '../table/connections.ts';
import { kindOf, OF, protocolOf, zoneOf } from '../table/flow.ts';
import { DST, firstOf, KIND, otherOf, PORTS, pairOf, SRC } from '../table/line_table.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import { canonicalIp, formatIp, ipv4Bytes } from '../wire/ip_address.ts';

/** Connections that are looked at in one go. */
const PAGE = 1000;
/** Protocols without ports or identifiers. */
const PLAIN = (protocol: number) => !Object.values<number>(GROUP_PROTOCOLS).includes(protocol);

export interface PolicyFacts {
  compiler: Compiler;
  config(): SwitchConfig;
  table(): PolicyTable | null;
}

export class PolicyView implements PolicyApi {
  private readonly facts: PolicyFacts;

  constructor(facts: PolicyFacts) {
    this.facts = facts;
  }

  groups(): SecurityGroupStatus[] {
    const { groups = {} } = this.facts.config();
    const members = this.portsByGroup();
    const counts = this.countByPort();
    const count = (rules: 'any' | unknown[]) => (rules === 'any' ? 'any' : rules.length);
    return Object.entries(groups).map(([name, group]) => {
      const ports = members.get(name) ?? [];
      return {
        name,
        ...(group.tenant !== undefined && { tenant: group.tenant }),
        ports,
        members: group.members,
        in: count(group.in),
        out: count(group.out),
        connections: ports.reduce((sum, port) => sum + (counts.get(port) ?? 0), 0),
        ...(group.connections !== undefined && { limit: group.connections }),
      };
    });
  }

  status(): PolicyStatus {
    const { connections: settings = GROUP_CONNECTIONS_DEFAULTS } = this.facts.config();
    const table = this.facts.table();
    return {
      connections: table === null ? 0 : this.open(table).used,
      limit: settings.limit,
      portLimit: settings.port_limit,
      ports: [...this.countByPort()].map(([port, connections]) => ({ port, connections })),
    };
  }

  *connections(filter: PolicyFilter = {}): Generator<PolicyConnection[]> {
    const table = this.facts.table();
    if (table === null) return;
    const connections = this.open(table);
    const isWanted = this.wish(filter);
    const { flows } = connections;
    for (let from = 1; from < flows.high; from += PAGE) {
      const page: PolicyConnection[] = [];
      for (let pair = from; pair < Math.min(from + PAGE, flows.high); pair++) {
        if (flows.timers[pair] === 0) continue;
        const one = this.read(connections, table, firstOf(pair));
        if (one !== undefined && isWanted(one)) page.push(one);
      }
      yield page;
    }
  }

  endConnections(filter: PolicyFilter = {}): number {
    const table = this.facts.table();
    if (table === null) return 0;
    const connections = this.open(table);
    const isWanted = this.wish(filter);
    const { flows } = connections;
    let ended = 0;
    for (let pair = 1; pair < flows.high; pair++) {
      if (flows.timers[pair] === 0) continue;
      const one = this.read(connections, table, firstOf(pair));
      if (one === undefined || !isWanted(one)) continue;
      connections.take();
      try {
        // It may have ended meanwhile.
        if (flows.timers[pair] === 0) continue;
        connections.remove(firstOf(pair));
        ended++;
      } finally {
        connections.release();
      }
    }
    return ended;
  }

  private open(table: PolicyTable): Connections {
    return new Connections(table.memory, table);
  }

  private portsByGroup(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const [port, groups] of groupedPorts(this.facts.config()))
      for (const group of groups) found.set(group, [...(found.get(group) ?? []), port]);
    return found;
  }

  private countByPort(): Map<string, number> {
    const { compiler, config } = this.facts;
    const counts = new Map<string, number>();
    const table = this.facts.table();
    if (table === null) return counts;
    const { mappings } = this.open(table);
    for (const [name, groups] of groupedPorts(config())) {
      const port = compiler.ports.find(name);
      if (groups.length === 0 || port === undefined) continue;
      const line = mappings.table.find(kindOf(0, 0, OF.guest), 0, 0, port);
      counts.set(name, line === 0 ? 0 : mappings.connectionsOf(line));
    }
    return counts;
  }

  private wish({ bridge, port, group, protocol, address }: PolicyFilter): (one: PolicyConnection) => boolean {
    const ports = group === undefined ? undefined : new Set(this.portsByGroup().get(group));
    const wanted = address === undefined ? undefined : (canonicalIp(address) ?? address);
    return (one) =>
      (bridge === undefined || one.bridge === bridge) &&
      (port === undefined || one.from === port || one.to === port) &&
      (ports === undefined || ports.has(one.from) || ports.has(one.to)) &&
      (protocol === undefined || one.protocol === protocol) &&
      (wanted === undefined || addressOf(one.source) === wanted || addressOf(one.destination) === wanted);
  }

  /** Undefined if it ended while it was read. */
  private read(connections: Connections, table: PolicyTable, first: number): PolicyConnection | undefined {
    const { compiler } = this.facts;
    const { lines } = connections.flows;
    const line = lines.slice(first, otherOf(first));
    const back = otherOf(first);
    const kind = line[KIND];
    const [source, destination] = addressesOf(connections, first, line);
    const seen = Math.max(line[CONNECTION.seen], lines[back + CONNECTION.seen]);
    const owner = compiler.domain(zoneOf(kind));
    if (kind === 0 || owner === undefined || lines[first + KIND] !== kind) return undefined;
    const count = (at: number) => ({
      sent: connections.sums[(first + at) >> 1],
      received: connections.sums[(back + at) >> 1],
    });
    const protocol = protocolOf(kind);
    const state = line[CONNECTION.state] & FLOW.state;
    const { second } = connections;
    const idle = Math.max(0, second - seen);
    const isIcmp = protocol === GROUP_PROTOCOLS.icmp || protocol === GROUP_PROTOCOLS.icmpv6;
    const nameOf = (word: number) => compiler.ports.name(word & PORT_MASK) ?? '';
    return {
      bridge: owner.bridge,
      vlan: owner.vid,
      protocol: protocolName(protocol),
      ...(STATE_NAMES[state] !== '' && { state: STATE_NAMES[state] }),
      source: end(protocol, source, line[PORTS] >>> 16),
      destination: end(protocol, destination, isIcmp ? line[PORTS] >>> 16 : line[PORTS] & 0xffff),
      from: nameOf(line[ADMITTED.entry]),
      to: nameOf(line[ADMITTED.exit]),
      packets: count(CONNECTION.packets),
      bytes: count(CONNECTION.bytes),
      age: Math.max(0, second - line[CONNECTION.opened]),
      idle,
      expires: Math.max(0, table.timeouts[zoneOf(kind) * STATES + state] - idle),
    };
  }
}

function addressesOf({ wide }: Connections, first: number, line: Int32Array): [string, string] {
  if ((line[KIND] & 0xff) !== OF.flow6)
    return [formatIp(ipv4Bytes(line[SRC] >>> 0)), formatIp(ipv4Bytes(line[DST] >>> 0))];
  const words = new Int32Array(8);
  wide?.read(pairOf(first), words);
  const view = new DataView(new ArrayBuffer(32));
  for (const [n, word] of words.entries()) view.setInt32(4 * n, word);
  const bytes = new Uint8Array(view.buffer);
  return [formatIp(bytes.subarray(0, 16)), formatIp(bytes.subarray(16))];
}

function protocolName(protocol: number): string {
  const known = Object.entries(GROUP_PROTOCOLS).find(([, number]) => number === protocol);
  return known?.[0] ?? String(protocol);
}

function end(protocol: number, address: string, port: number): string {
  if (PLAIN(protocol)) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function addressOf(text: string): string {
  return /^\[(.*)\]/.exec(text)?.[1] ?? (text.includes('::') ? text : text.split(':')[0]);
}
