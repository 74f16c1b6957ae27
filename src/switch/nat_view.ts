// NAT in names and texts, read in the memory that the data plane uses, without asking it: a page of connections waits for nobody.

import type { NatConnection, NatFilter, NatStatus } from '../api.ts';
import type { NatNumbers } from '../compile/nat.ts';
import { NAT_PROTOCOLS } from '../config/nat_rule.ts';
import { formatAddress } from '../config/subnet.ts';
import { STATE_NAMES, STATES } from '../table/connection_state.ts';
import { CONNECTION, Connections, FLOW } from '../table/connections.ts';
import { hasPorts, protocolOf, zoneOf } from '../table/flow.ts';
import { DST, firstOf, KIND, otherOf, PORTS, SRC } from '../table/line_table.ts';
import type { NatTable } from '../table/nat_table.ts';

/** Connections that are looked at in one go. */
const PAGE = 1000;

export class NatView {
  private readonly connections: Connections;
  private readonly table: NatTable;
  private readonly numbers: NatNumbers;

  constructor(table: NatTable, numbers: NatNumbers) {
    this.connections = new Connections(table.memory, table);
    this.table = table;
    this.numbers = numbers;
  }

  status(): NatStatus[] {
    const { ofZone, portsOfZone } = this.connections;
    return this.zones().map(([zone, router]) => ({
      router,
      connections: ofZone[zone],
      limit: this.table.limit[zone],
      ports: portsOfZone[zone],
    }));
  }

  /** Page by page; what begins or ends meanwhile may be missing. */
  *pages(filter: NatFilter = {}): Generator<NatConnection[]> {
    const { flows } = this.connections;
    for (let from = 1; from < flows.high; from += PAGE) {
      const page: NatConnection[] = [];
      for (let pair = from; pair < Math.min(from + PAGE, flows.high); pair++) {
        if (flows.timers[pair] === 0) continue;
        const one = this.read(firstOf(pair));
        if (one !== undefined && matches(one, filter)) page.push(one);
      }
      yield page;
    }
  }

  private zones(): [number, string][] {
    const found: [number, string][] = [];
    for (let zone = 1; zone < this.table.first.length - 1; zone++) {
      const router = this.numbers.zones.name(zone);
      if (router !== undefined) found.push([zone, router]);
    }
    return found.sort(([, a], [, b]) => (a < b ? -1 : 1));
  }

  /** Undefined if it ended while it was read. */
  private read(first: number): NatConnection | undefined {
    const { connections, numbers, table } = this;
    const { lines } = connections.flows;
    const line = lines.slice(first, otherOf(first));
    const back = otherOf(first);
    const seen = Math.max(line[CONNECTION.seen], lines[back + CONNECTION.seen]);
    const count = (at: number) => ({
      sent: connections.sums[(first + at) >> 1],
      received: connections.sums[(back + at) >> 1],
    });
    const packets = count(CONNECTION.packets);
    const bytes = count(CONNECTION.bytes);
    const kind = line[KIND];
    const zone = zoneOf(kind);
    const router = numbers.zones.name(zone);
    if (kind === 0 || router === undefined || lines[first + KIND] !== kind) return undefined;
    const protocol = protocolOf(kind);
    const state = line[CONNECTION.state] & FLOW.state;
    const { second } = connections;
    const idle = Math.max(0, second - seen);
    const isTranslated = (line[CONNECTION.state] & FLOW.translated) !== 0;
    const newPorts = line[CONNECTION.newPorts];
    return {
      router,
      protocol: nameOf(protocol),
      ...(STATE_NAMES[state] !== '' && { state: STATE_NAMES[state] }),
      source: end(protocol, line[SRC], line[PORTS] >>> 16),
      destination: end(protocol, line[DST], portOf(protocol, line[PORTS])),
      ...(isTranslated && {
        newSource: end(protocol, line[CONNECTION.newSrc], newPorts >>> 16),
        newDestination: end(protocol, line[CONNECTION.newDst], portOf(protocol, newPorts)),
      }),
      packets,
      bytes,
      age: Math.max(0, second - line[CONNECTION.opened]),
      idle,
      expires: Math.max(0, table.timeouts[zone * STATES + state] - idle),
    };
  }
}

function matches(one: NatConnection, { router, protocol, address }: NatFilter): boolean {
  return (
    (router === undefined || one.router === router) &&
    (protocol === undefined || one.protocol === protocol) &&
    (address === undefined ||
      [one.source, one.destination, one.newSource, one.newDestination].some(
        (end) => end?.split(':')[0] === address,
      ))
  );
}

function nameOf(protocol: number): string {
  const known = Object.entries(NAT_PROTOCOLS).find(([, number]) => number === protocol);
  return known?.[0] ?? String(protocol);
}

/** Of the destination; the identifier of ICMP is that of both. */
function portOf(protocol: number, ports: number): number {
  return protocol === NAT_PROTOCOLS.icmp ? ports >>> 16 : ports & 0xffff;
}

function end(protocol: number, address: number, port: number): string {
  const text = formatAddress(address >>> 0);
  return hasPorts(protocol) ? `${text}:${port}` : text;
}
