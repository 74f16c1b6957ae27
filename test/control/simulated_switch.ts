// A switch without devices, for tests of what talks to one: configuration, plan and apply are real, and what it knows
// of traffic is what the test puts into it.

import type {
  ApplyOptions,
  BridgeStatus,
  Capture,
  CapturedFrame,
  CaptureOptions,
  FdbEntry,
  FdbFilter,
  GroupWish,
  GuardStatus,
  LastDrop,
  LeaseFilter,
  LeaseStatus,
  LldpNeighbor,
  LldpPortStatus,
  MdbEntry,
  MdbFilter,
  MulticastPort,
  MulticastStatus,
  MulticastVlan,
  NetworkStatus,
  PollFrames,
  PollGap,
  PortCounters,
  PortStatus,
  QosStatus,
  SwitchApi,
  TenantStatus,
  Trace,
  TraceLiveOptions,
  TraceOptions,
} from '../../src/api.ts';
import type { ActionResult } from '../../src/config/action.ts';
import { diff } from '../../src/config/diff.ts';
import { inForce } from '../../src/config/in_force.ts';
import { settle } from '../../src/config/refuse.ts';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import { appliedFacts } from '../../src/switch/applied.ts';
import { EventLog } from '../../src/switch/event_log.ts';
import { counters } from './fake_switch.ts';
import { SimulatedAcls } from './simulated_acls.ts';
import { SimulatedPolicy } from './simulated_policy.ts';
import { SimulatedRouting } from './simulated_routing.ts';

/** A log that nobody fills but the test. */
class SimulatedEvents extends EventLog {
  looks = 0;
  followers = 0;

  constructor() {
    super({
      first: 0,
      onFollowers: (count) => {
        this.followers = count;
      },
    });
  }

  look(): void {
    this.looks++;
  }
}

export class SimulatedSwitch implements SwitchApi {
  readonly events = new SimulatedEvents();
  readonly routing = new SimulatedRouting(() => this.config);
  readonly policy = new SimulatedPolicy(() => this.config);
  readonly acls = new SimulatedAcls(() => this.config);
  config: SwitchConfig;
  entries: FdbEntry[] = [];
  /** Rows in one page of `fdb`. */
  pageSize = 100;
  /** Path of an action -> why it fails, and the code. */
  readonly failures = new Map<string, { error: string; code?: string }>();
  readonly counters = new Map<string, Partial<PortCounters>>();
  readonly states = new Map<string, PortStatus['state']>();
  readonly macs = new Map<string, string>();
  neighbors: LldpNeighbor[] = [];
  lldpStates: LldpPortStatus[] = [];
  flushes: FdbFilter[] = [];
  /** What captures see, in pieces; a capture without an end waits after them. */
  readonly captured: CapturedFrame[][] = [];
  readonly captureLost: Record<string, number> = {};
  captureOptions: CaptureOptions[] = [];
  openCaptures = 0;
  drops: LastDrop[] = [];
  applied = 0;
  openIterators = 0;
  closed = false;

  constructor(config: unknown = { version: 1 }) {
    this.config = parseConfig(config);
  }

  plan(next: unknown) {
    return diff(this.config, parseConfig(next));
  }

  async apply(
    next: unknown,
    { by = { kind: 'program' }, keep = false }: ApplyOptions = {},
  ): Promise<ActionResult[]> {
    const before = ++this.applied;
    const wanted = parseConfig(next);
    const asked = diff(this.config, wanted);
    const done = asked.map((action): ActionResult => {
      const failure = this.failures.get(action.path);
      return failure ? { ...action, ok: false, ...failure } : { ...action, ok: true };
    });
    const results = settle(asked, done, keep, () => false);
    await new Promise((done) => setTimeout(done, 1));
    if (before !== this.applied) throw new Error('apply ran twice at once');
    const carriedOut = results.filter((result) => result.ok);
    this.config = keep ? wanted : inForce(this.config, wanted, carriedOut);
    for (const fact of appliedFacts(by, results)) this.events.add(fact);
    return results;
  }

  async capture(options: CaptureOptions = {}): Promise<Capture> {
    this.captureOptions.push(options);
    this.openCaptures++;
    const { captured, captureLost } = this;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const batches = async function* () {
      yield* captured;
      if (options.count === undefined) await ended;
    };
    let isOpen = true;
    return {
      snaplen: options.snaplen ?? 262_144,
      batches,
      lost: () => captureLost,
      close: async () => {
        end();
        if (isOpen) this.openCaptures--;
        isOpen = false;
      },
      async *[Symbol.asyncIterator]() {
        for await (const frames of batches()) yield* frames;
      },
    };
  }

  async lastDrops(): Promise<LastDrop[]> {
    return this.drops;
  }

  bridges(): BridgeStatus[] {
    return Object.entries(this.config.bridges).map(([name, bridge]) => ({
      name,
      mac: this.macs.get(name) ?? '02:00:00:00:00:01',
      vlanFiltering: bridge.vlan_filtering,
      ageingTime: bridge.ageing_time,
      learnedAddresses: this.entries.filter((entry) => entry.bridge === name && entry.type === 'learned')
        .length,
      ports: Object.keys(bridge.ports),
    }));
  }

  portsDigest(): string {
    return JSON.stringify(this.ports());
  }

  unassignedDrops(): Record<string, number> {
    return {};
  }

  ports(_options?: { look?: boolean }): PortStatus[] {
    return Object.entries(this.config.bridges).flatMap(([bridge, { ports, local }]) => [
      ...Object.entries(ports).map(([name, port], i) => this.port(bridge, name, port.type, i + 1)),
      ...(local === false ? [] : [this.port(bridge, bridge, 'local', 0)]),
    ]);
  }

  private port(bridge: string, name: string, type: PortStatus['type'], number: number): PortStatus {
    return {
      bridge,
      name,
      type,
      number,
      state: this.states.get(name) ?? 'up',
      mtu: 1500,
      ...(type === 'tap' || type === 'local' ? { mac: this.macs.get(name) ?? '02:00:00:00:00:02' } : {}),
      learnedAddresses: this.entries.filter((entry) => entry.port === name && entry.type === 'learned')
        .length,
      counters: counters(this.counters.get(name)),
    };
  }

  async *fdb(filter: FdbFilter = {}): AsyncGenerator<FdbEntry[]> {
    this.openIterators++;
    try {
      const rows = this.entries.filter((entry) =>
        Object.entries(filter).every(
          ([key, value]) => value === undefined || entry[key as keyof FdbEntry] === value,
        ),
      );
      for (let at = 0; at < rows.length; at += this.pageSize) yield rows.slice(at, at + this.pageSize);
    } finally {
      this.openIterators--;
    }
  }

  async flush(filter: FdbFilter = {}): Promise<number> {
    this.flushes.push(filter);
    return 3;
  }

  /** Ports that are disabled for an error. */
  readonly disabled = new Set<string>();

  async enablePort(port: string): Promise<boolean> {
    return this.disabled.delete(port);
  }

  pollGap(): PollGap {
    return {
      polls: 2,
      sumSeconds: 0.003,
      maxSeconds: 0.002,
      buckets: [
        [0.001, 1],
        [0.1, 2],
      ],
    };
  }

  pollFrames(): PollFrames {
    return {
      polls: 2,
      frames: 3,
      buckets: [
        [1, 1],
        [2, 2],
      ],
    };
  }

  lldp(): LldpNeighbor[] {
    return this.neighbors;
  }

  lldpPorts(): LldpPortStatus[] {
    return this.lldpStates;
  }

  /** What multicast snooping found. */
  groups: MulticastStatus = { entries: [], vlans: [], ports: [] };

  *mdb(filter: MdbFilter = {}): Generator<MdbEntry[]> {
    yield this.groups.entries.filter((entry) =>
      Object.entries(filter).every(([key, value]) => [undefined, entry[key as 'port']].includes(value)),
    );
  }

  readonly joins: GroupWish[] = [];
  joinGroup(wish: GroupWish): void {
    this.joins.push(wish);
  }

  readonly groupFlushes: MdbFilter[] = [];
  flushGroups(filter: MdbFilter = {}): number {
    this.groupFlushes.push(filter);
    return 1;
  }

  multicastVlans(): MulticastVlan[] {
    return this.groups.vlans;
  }

  multicastPorts(): MulticastPort[] {
    return this.groups.ports;
  }

  /** What networks have, and which leases were ended. */
  networkStates: NetworkStatus[] = [];
  leaseStates: LeaseStatus[] = [];
  readonly endedLeases: LeaseFilter[] = [];

  qosStatus: QosStatus = { queues: [], policers: [] };
  tenantStates: TenantStatus[] = [];

  tenants(): TenantStatus[] {
    return this.tenantStates;
  }

  qos(): QosStatus {
    return this.qosStatus;
  }

  guardStates: GuardStatus[] = [];

  guards(): GuardStatus[] {
    return this.guardStates;
  }

  networks(): NetworkStatus[] {
    return this.networkStates;
  }

  leases(filter: LeaseFilter = {}): LeaseStatus[] {
    return this.leaseStates.filter((lease) => (filter.bridge ?? lease.bridge) === lease.bridge);
  }

  endLeases(filter: LeaseFilter): number {
    this.endedLeases.push(filter);
    return 1;
  }

  /** What the next traces answer, and what was asked. */
  traces: Trace[] = [];
  readonly asked: (TraceOptions | TraceLiveOptions)[] = [];

  async trace(options: TraceOptions): Promise<Trace> {
    this.asked.push(options);
    return this.traces[0];
  }

  async traceLive(options: TraceLiveOptions): Promise<Trace[]> {
    this.asked.push(options);
    return this.traces;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
