// A switch's counters for Prometheus, from the same numbers as `taploom stats`.
//
// Names follow node_exporter: `_total`, base units, one label for each dimension. *Receive* is what the switch receives
// from a port, the opposite of what `ip -s link` counts on the TAP's other side; the help texts say so.
//
// Nothing is stored here: a scrape takes one snapshot of the switch, and all series come from it. Ports that are gone
// are gone from the next scrape, and there are no timers. Each instance has a registry of its own.

import { type OpenMetricsContentType, Registry, type RegistryContentType } from 'prom-client';
import type {
  AggregateCounters,
  AggregateMemberStatus,
  BridgeStatus,
  LldpCounters,
  LldpPortStatus,
  MulticastPort,
  NetworkStatus,
  PollGap,
  PortCounters,
  PortStatus,
  StpCounters,
  StpPortStatus,
  SwitchApi,
  TunnelledFrames,
} from '../api.ts';
import type { PortConfig, SwitchConfig } from '../config/schema.ts';
import type { LastLoad } from './last_load.ts';
import { type Description, liveMetric, type Sample } from './live_metric.ts';
import { NETWORK_METRICS } from './network_metrics.ts';
import { processMetrics } from './process_metrics.ts';
import { taploomVersion } from './version.ts';

export { type MetricsServer, metricsServer } from './metrics_server.ts';

interface Snapshot {
  ports: Port[];
  /** Those in a spanning tree. */
  inTree: Port[];
  bridges: { status: BridgeStatus; fdbLimit: number | undefined; labels: Labels }[];
  lldp: { status: LldpPortStatus; labels: Labels }[];
  multicast: { status: MulticastPort; labels: Labels }[];
  networks: NetworkStatus[];
  pollGap: PollGap;
}

/** Without `config`: a bridge's own interface. */
interface Port {
  status: PortStatus;
  config: PortConfig | undefined;
  labels: Labels;
}

type Labels = Readonly<Record<string, string>>;

export type MetricsApi = Pick<
  SwitchApi,
  | 'config'
  | 'ports'
  | 'bridges'
  | 'pollGap'
  | 'pollFrames'
  | 'unassignedDrops'
  | 'lldpPorts'
  | 'multicastPorts'
  | 'networks'
>;

export interface MetricsOptions {
  /** Also export `process_*` and `nodejs_*`. Default true; an embedder that exports them already says false. */
  process?: boolean;
  /** How reading the configuration went; without it there are no series of that. */
  lastLoad?: Readonly<LastLoad>;
}

const STATES = [
  'up',
  'down',
  'disabled',
  'waiting',
  'gone',
  'failed',
] as const satisfies readonly PortStatus['state'][];

const STP_ROLES = [
  'disabled',
  'root',
  'designated',
  'alternate',
  'backup',
] as const satisfies StpPortStatus['role'][];
const STP_STATES = [
  'disabled',
  'blocking',
  'listening',
  'learning',
  'forwarding',
] as const satisfies StpPortStatus['state'][];

export class Metrics {
  /** To merge with others: `Registry.merge([...])`. */
  readonly registry = new Registry();
  /** The same once more: in this format prom-client takes `_total` off the names of the metrics that it was given. */
  private readonly openMetrics = new Registry<OpenMetricsContentType>();
  private readonly api: MetricsApi;
  private current: Snapshot | undefined;
  private labels = new Map<string, Labels>();

  constructor(api: MetricsApi, { process = true, lastLoad }: MetricsOptions = {}) {
    this.api = api;
    this.openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.addPorts();
    this.addBridges();
    this.addLldp();
    this.addStp();
    this.addMulticast();
    for (const { type, name, help, read } of NETWORK_METRICS)
      this.add(type, name, help, ({ networks }) => read(networks));
    this.addAggregates();
    this.addSwitch();
    if (lastLoad) this.addLastLoad(lastLoad);
    if (process) for (const registry of this.registries) processMetrics(registry);
  }

  /** The exposition. Less than 20 ms of this thread for 512 ports. */
  text(type: RegistryContentType = Registry.PROMETHEUS_CONTENT_TYPE): Promise<string> {
    return (type === Registry.OPENMETRICS_CONTENT_TYPE ? this.openMetrics : this.registry).metrics();
  }

  private get registries() {
    return [this.registry, this.openMetrics];
  }

  private addPorts(): void {
    const total = (name: string, help: string, key: NumericCounter) =>
      this.add('counter', `taploom_port_${name}_total`, help, ({ ports }) =>
        samples(ports, ({ status }) => status.counters[key]),
      );
    const dropped = (side: 'receive' | 'transmit', help: string) =>
      this.add('counter', `taploom_port_${side}_dropped_total`, help, ({ ports }) =>
        ports.flatMap(({ status, labels }) => drops(status.counters[`${side}Dropped`], labels)),
      );
    const gauge = (name: string, help: string, read: (port: Port) => number | undefined) =>
      this.add('gauge', `taploom_port_${name}`, help, ({ ports }) => samples(ports, read));

    const fromPort = 'received by the switch from the port';
    const toPort = 'transmitted by the switch to the port';
    total('receive_packets', `Frames ${fromPort}; a GSO frame counts once.`, 'receivedFrames');
    total('receive_bytes', `Bytes of frames ${fromPort}, without FCS.`, 'receivedBytes');
    total('receive_segments', `Frames on a wire that the frames ${fromPort} stand for.`, 'receivedSegments');
    total(
      'receive_forwarded_packets',
      `Frames ${fromPort}, generated, injected or recirculated that were transmitted to at least one port.`,
      'forwarded',
    );
    total(
      'generated_packets',
      'ICMP answers of the switch to frames that were too big for the port.',
      'generated',
    );
    total('injected_packets', 'Frames of the control plane, sent or relayed.', 'injected');
    total('recirculated_packets', 'Frames that took the stages anew in another domain.', 'recirculated');
    total('consumed_packets', 'Frames that went on in another domain, or to the control plane.', 'consumed');
    total('punted_packets', 'Frames that the control plane was given.', 'punted');
    dropped('receive', `Frames ${fromPort} that went nowhere, by reason.`);
    total('transmit_copies', 'Copies of frames made for the port: transmitted or dropped.', 'copies');
    total('transmit_packets', `Frames ${toPort}; a GSO frame counts once.`, 'transmittedFrames');
    total('transmit_bytes', `Bytes of frames ${toPort}, without FCS.`, 'transmittedBytes');
    total(
      'transmit_segments',
      `Frames on a wire that the frames ${toPort} stand for.`,
      'transmittedSegments',
    );
    dropped('transmit', 'Copies made for the port that it did not take, by reason.');
    total('station_moves', 'Stations that moved to the port from another one.', 'stationMoves');
    total(
      'learn_refused',
      'Addresses seen on the port and not learned, because a limit was reached.',
      'learnRefused',
    );
    this.add(
      'counter',
      'taploom_port_disabled_total',
      'How often the port was disabled for an error, by reason.',
      ({ ports }) => ports.flatMap(({ status, labels }) => drops(status.disabledBy ?? {}, labels)),
    );
    this.addTunnels();
    this.add(
      'counter',
      'taploom_port_queue_dropped_total',
      'Frames that the kernel dropped because the queue of the TAP or packet socket was full; they never reached the switch.',
      ({ ports }) => samples(ports, ({ status }) => status.queueDropped),
    );
    this.add('gauge', 'taploom_port_info', 'Of the port: its type, VNI and MTU; always 1.', ({ ports }) =>
      ports.map(({ status, config, labels }) => ({
        value: 1,
        labels: facts(status, config),
        shared: labels,
      })),
    );
    gauge('configured_remotes', 'Remotes of a tunnel that its configuration lists.', ({ config }) =>
      config?.type === 'vxlan' ? config.remotes.length : undefined,
    );
    gauge(
      'learned_remotes',
      'Remotes of a tunnel that were learned from the wire now.',
      ({ status }) => status.learnedRemotes,
    );
    gauge('max_remotes', 'Most remotes that a tunnel learns, if it does.', ({ config }) =>
      config?.type === 'vxlan' && config.remote_learning ? config.max_remotes : undefined,
    );
    gauge('fdb_entries', 'Addresses learned on the port now.', ({ status }) => status.learnedAddresses);
    gauge(
      'fdb_limit',
      'Most addresses that are learned on the port, if it has a limit of its own.',
      ({ config }) => config?.fdb_limit,
    );
    gauge('up', '1 if the port takes frames, 0 if it is down or missing.', ({ status }) =>
      status.state === 'up' ? 1 : 0,
    );
    gauge('mtu_bytes', 'Largest layer-3 packet that leaves through the port.', ({ status }) => status.mtu);
  }

  private addTunnels(): void {
    const total = (name: string, where: string, side: keyof TunnelledFrames) =>
      this.add(
        'counter',
        `taploom_port_tunnel_${name}_packets_total`,
        `Control frames of a customer that ${where} his tunnel, by protocol.`,
        ({ ports }) =>
          ports.flatMap(({ status, labels: shared }) =>
            Object.entries(status.tunnelled ?? {}).map(([protocol, frames]) => ({
              value: frames[side],
              labels: { protocol },
              shared,
            })),
          ),
      );
    total('receive', 'came in through the port for', 'received');
    total('transmit', 'left through the port from', 'transmitted');
  }

  private addBridges(): void {
    this.add('gauge', 'taploom_fdb_entries', 'Addresses learned in the bridge now.', ({ bridges }) =>
      samples(bridges, ({ status }) => status.learnedAddresses),
    );
    this.add('gauge', 'taploom_fdb_limit', 'Most addresses that the bridge learns.', ({ bridges }) =>
      samples(bridges, ({ fdbLimit }) => fdbLimit),
    );
    this.add('gauge', 'taploom_ports', 'Ports that are wanted, by state.', ({ ports, bridges }) => {
      const counts = new Map<string, number>();
      for (const { status } of ports) {
        const key = `${status.bridge}/${status.state}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return bridges.flatMap(({ status, labels }) =>
        STATES.map((state) => ({
          value: counts.get(`${status.name}/${state}`) ?? 0,
          labels: { state },
          shared: labels,
        })),
      );
    });
  }

  private addLldp(): void {
    const read = (value: (status: LldpPortStatus) => number) => (snapshot: Snapshot) =>
      samples(snapshot.lldp, ({ status }) => value(status));
    const total = (name: string, help: string, key: keyof LldpCounters) =>
      this.add(
        'counter',
        `taploom_lldp_${name}_total`,
        help,
        read(({ counters }) => counters[key]),
      );

    this.add(
      'gauge',
      'taploom_lldp_neighbors',
      'Neighbours that LLDP has found on the port.',
      read(({ neighbors }) => neighbors),
    );
    total('receive_frames', 'LLDP frames received.', 'framesIn');
    total('transmit_frames', 'LLDP frames sent.', 'framesOut');
    total(
      'receive_discarded',
      'LLDP frames received that were malformed, or of neighbours for whom there is no room.',
      'framesDiscarded',
    );
    total('receive_errors', 'LLDP frames received with any error.', 'framesInErrors');
    total('transmit_failed', 'LLDP frames that the data plane had no room for.', 'framesNotSent');
    total('neighbors_aged_out', 'Neighbours that fell silent.', 'ageouts');
    total('neighbors_refused', 'LLDP frames of neighbours for whom there is no room.', 'neighborsRefused');
  }

  private addStp(): void {
    const one = (name: string, values: readonly string[], help: string, key: 'role' | 'state') =>
      this.add('gauge', `taploom_stp_port_${name}`, help, ({ inTree }) =>
        inTree.flatMap(({ status: { stp }, labels }) =>
          stp === undefined
            ? []
            : values.map((value) => ({
                value: stp[key] === value ? 1 : 0,
                labels: { [name]: value },
                shared: labels,
              })),
        ),
      );
    const total = (name: string, help: string, key: Exclude<keyof StpCounters, 'malformed'>) =>
      this.add('counter', `taploom_stp_${name}_total`, help, ({ inTree }) =>
        samples(inTree, ({ status }) => status.stp?.counters[key]),
      );

    one('role', STP_ROLES, '1 for the role of the port in the spanning tree, 0 for the others.', 'role');
    one('state', STP_STATES, '1 for the spanning tree state of the port, 0 for the others.', 'state');
    this.add(
      'gauge',
      'taploom_stp_root_path_cost',
      'Cost of the way to the root of the spanning tree; 0: the bridge is the root.',
      ({ bridges }) => samples(bridges, ({ status }) => status.stp?.rootPathCost),
    );
    total('receive_bpdus', 'BPDUs received.', 'bpdusReceived');
    this.add(
      'counter',
      'taploom_stp_malformed_total',
      'BPDUs received without use, by reason.',
      ({ inTree }) =>
        inTree.flatMap(({ status, labels }) => drops(status.stp?.counters.malformed ?? {}, labels)),
    );
    total('transmit_bpdus', 'BPDUs sent.', 'bpdusSent');
    total('transmit_failed', 'BPDUs that the data plane had no room for.', 'bpdusNotSent');
    total('topology_changes', 'Changes of the topology that the port made itself.', 'topologyChanges');
    total('forward_transitions', 'How often the port began to forward.', 'forwardTransitions');
  }

  private addMulticast(): void {
    const read = (value: (status: MulticastPort) => number) => (snapshot: Snapshot) =>
      samples(snapshot.multicast, ({ status }) => value(status));
    const total = (name: 'reports' | 'queries' | 'hellos' | 'refused', help: string) =>
      this.add(
        'counter',
        `taploom_multicast_${name}_total`,
        help,
        read((status) => status[name]),
      );
    const groups = 'Multicast groups that the port is a member of, over all its VLANs.';
    this.add(
      'gauge',
      'taploom_multicast_groups',
      groups,
      read((status) => status.groups),
    );
    total('reports', 'IGMP and MLD reports heard on the port.');
    total('queries', 'IGMP and MLD queries heard on the port.');
    total('hellos', 'Hellos of multicast routers heard on the port.');
    total('refused', 'Groups that were not joined because of a limit.');
    const malformed = 'IGMP, MLD and PIM packets without use, by reason.';
    this.add('counter', 'taploom_multicast_malformed_total', malformed, ({ multicast }) =>
      multicast.flatMap(({ status, labels }) => drops(status.malformed, labels)),
    );
  }

  private addAggregates(): void {
    const read = (value: (member: AggregateMemberStatus) => number) => (snapshot: Snapshot) =>
      members(snapshot.ports).map(({ member, labels }) => ({ value: value(member), labels }));
    const total = (name: string, help: string, key: Exclude<keyof AggregateCounters, 'malformed'>) =>
      this.add(
        'counter',
        `taploom_aggregate_member_${name}_total`,
        help,
        read(({ counters }) => counters[key]),
      );

    this.add(
      'gauge',
      'taploom_aggregate_member_carries',
      '1 if frames of the aggregate leave through the member.',
      read(({ state }) => (state === 'carries' ? 1 : 0)),
    );
    total('receive_lacpdus', 'LACPDUs received.', 'lacpdusIn');
    total('transmit_lacpdus', 'LACPDUs sent.', 'lacpdusOut');
    total('transmit_failed', 'LACPDUs that the data plane had no room for.', 'lacpdusNotSent');
    this.add(
      'counter',
      'taploom_aggregate_member_malformed_total',
      'Frames of slow protocols that are neither an LACPDU nor a marker, by reason.',
      ({ ports }) => members(ports).flatMap(({ member, labels }) => drops(member.counters.malformed, labels)),
    );
    total('receive_markers', 'Markers received and answered.', 'markersIn');
    total('failures', 'Times that the link of the member went down.', 'failures');
    total('churns', 'Times that an end of the link did not get in step within a minute.', 'churns');
  }

  private addSwitch(): void {
    const unassigned =
      'Frames dropped that belong to no port, such as VXLAN datagrams with an unknown VNI, by reason.';
    this.add('counter', 'taploom_unassigned_dropped_total', unassigned, () =>
      drops(this.api.unassignedDrops(), {}),
    );
    this.add(
      'histogram',
      'taploom_poll_gap_seconds',
      'Time between two waits of the data plane, during which new frames wait.',
      ({ pollGap: { polls, sumSeconds, buckets } }) =>
        histogram('taploom_poll_gap_seconds', polls, sumSeconds, buckets),
    );
    this.add('gauge', 'taploom_poll_gap_max_seconds', 'Longest poll gap since the start.', ({ pollGap }) => [
      { value: pollGap.maxSeconds },
    ]);
    this.add(
      'histogram',
      'taploom_poll_frames',
      'Frames that a poll brought, of the polls that brought any.',
      () => {
        const { polls, frames, buckets } = this.api.pollFrames();
        return histogram('taploom_poll_frames', polls, frames, buckets);
      },
    );
    const labels = { version: taploomVersion(), node: process.versions.node };
    this.add('gauge', 'taploom_build_info', 'Versions of Taploom and Node; always 1.', () => [
      { value: 1, labels },
    ]);
  }

  private addLastLoad(lastLoad: Readonly<LastLoad>): void {
    this.add(
      'gauge',
      'taploom_config_last_reload_successful',
      '1 if the configuration, when it was read last (at the start or by SIGHUP), came into force as a whole.',
      () => [{ value: lastLoad.succeeded ? 1 : 0 }],
    );
    this.add(
      'gauge',
      'taploom_config_last_reload_success_timestamp_seconds',
      'When that last succeeded, in seconds since the epoch.',
      () => (lastLoad.successAt === undefined ? [] : [{ value: lastLoad.successAt }]),
    );
  }

  private add(
    type: Description['type'],
    name: string,
    help: string,
    read: (snapshot: Snapshot) => Sample[],
  ): void {
    for (const registry of this.registries) {
      liveMetric(registry, { name, help, type }, () => read(this.snapshot()));
    }
  }

  /** One for the whole scrape: the registry asks all metrics before it awaits any. */
  private snapshot(): Snapshot {
    if (!this.current) {
      this.current = this.take();
      queueMicrotask(() => {
        this.current = undefined;
      });
    }
    return this.current;
  }

  private take(): Snapshot {
    // A port that comes back under its name gets equal labels from a new object; the old ones go with the old map.
    const before = this.labels;
    this.labels = new Map();
    const labelsOf = (key: string, make: () => Labels) => {
      const labels = this.labels.get(key) ?? before.get(key) ?? make();
      this.labels.set(key, labels);
      return labels;
    };
    const { bridges } = this.api.config;
    const ports = this.api.ports().map((status) => {
      const { bridge, name: port } = status;
      const config = portConfig(bridges, bridge, port);
      return { status, config, labels: labelsOf(`${bridge}/${port}`, () => ({ bridge, port })) };
    });
    return {
      ports,
      inTree: ports.filter(({ status }) => status.stp !== undefined),
      lldp: this.api.lldpPorts().map((status) => {
        const { bridge, port } = status;
        return { status, labels: labelsOf(`${bridge}/${port}`, () => ({ bridge, port })) };
      }),
      multicast: this.api.multicastPorts().map((status) => {
        const { bridge, port } = status;
        return { status, labels: labelsOf(`${bridge}/${port}`, () => ({ bridge, port })) };
      }),
      bridges: this.api.bridges().map((status) => {
        const fdbLimit: number | undefined = bridges[status.name]?.fdb_limit;
        return { status, fdbLimit, labels: labelsOf(status.name, () => ({ bridge: status.name })) };
      }),
      networks: this.api.networks(),
      pollGap: this.api.pollGap(),
    };
  }
}

type NumericCounter = Exclude<keyof PortCounters, 'receiveDropped' | 'transmitDropped'>;

function portConfig(bridges: SwitchConfig['bridges'], bridge: string, port: string): PortConfig | undefined {
  // While a change is under way a port may be open that is wanted no longer.
  const ports = bridges[bridge]?.ports ?? {};
  return Object.hasOwn(ports, port) ? ports[port] : undefined;
}

function facts({ type, mtu }: PortStatus, config: PortConfig | undefined): Labels {
  return { type, ...(config?.type === 'vxlan' && { vni: String(config.vni) }), mtu: String(mtu) };
}

/** Of all aggregates. */
function members(ports: readonly Port[]): { member: AggregateMemberStatus; labels: Labels }[] {
  return ports.flatMap(({ status: { bridge, name, aggregate } }) =>
    (aggregate?.members ?? []).map((member) => ({
      member,
      labels: { bridge, port: member.port, aggregate: name },
    })),
  );
}

/** None where there is no value. */
function samples<Thing extends { labels: Labels }>(
  things: readonly Thing[],
  read: (thing: Thing) => number | undefined,
): Sample[] {
  const found: Sample[] = [];
  for (const thing of things) {
    const value = read(thing);
    if (value !== undefined) found.push({ value, shared: thing.labels });
  }
  return found;
}

/** A series exists from its first drop on. */
function drops(counts: Record<string, number>, shared: Labels): Sample[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => ({ value, labels: { reason }, shared }));
}

function histogram(name: string, polls: number, sum: number, buckets: [number, number][]): Sample[] {
  // Read without a lock: a bucket may be one poll ahead of the total, and a histogram must not decrease.
  const count = buckets.reduce((most, [, below]) => Math.max(most, below), polls);
  return [
    ...buckets.map(([bound, value]) => ({ name: `${name}_bucket`, labels: { le: String(bound) }, value })),
    { name: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
    { name: `${name}_sum`, value: sum },
    { name: `${name}_count`, value: count },
  ];
}
