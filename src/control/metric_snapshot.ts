// What a scrape is made of: one look at the switch. Labels are the same objects from scrape to scrape.

import type {
  AclSample,
  AclStatus,
  BridgeStatus,
  GuardStatus,
  LldpPortStatus,
  MulticastPort,
  NatStatus,
  NetworkStatus,
  PolicyStatus,
  PollGap,
  PortStatus,
  QosStatus,
  RouterStatus,
  SecurityGroupStatus,
  SwitchApi,
  TenantStatus,
} from '../api.ts';
import type { PortConfig, SwitchConfig } from '../config/schema.ts';
import type { Description, Labels, Sample } from './live_metric.ts';

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
  | 'guards'
  | 'networks'
  | 'qos'
  | 'tenants'
  | 'routing'
  | 'policy'
  | 'acls'
>;

export interface Snapshot {
  ports: Port[];
  /** Those in a spanning tree. */
  inTree: Port[];
  bridges: { status: BridgeStatus; fdbLimit: number | undefined; labels: Labels }[];
  lldp: { status: LldpPortStatus; labels: Labels }[];
  multicast: { status: MulticastPort; labels: Labels }[];
  guards: GuardStatus[];
  networks: NetworkStatus[];
  routers: RouterStatus[];
  nat: NatStatus[];
  qos: QosStatus;
  tenants: TenantStatus[];
  groups: SecurityGroupStatus[];
  policy: PolicyStatus;
  acls: AclStatus[];
  aclRules: AclSample[];
  pollGap: PollGap;
}

/** Rules of an access list that have series of their own: its first. All of them are in `taploom acl show`. */
export const RULES_WITH_SERIES = 100;

/** Without `config`: a bridge's own interface. */
export interface Port {
  status: PortStatus;
  config: PortConfig | undefined;
  labels: Labels;
}

/** Declares a metric: its samples are read from the snapshot of each scrape. */
export type AddMetric = (
  type: Description['type'],
  name: string,
  help: string,
  read: (snapshot: Snapshot) => Sample[],
) => void;

export class Snapshots {
  private readonly api: MetricsApi;
  private current: Snapshot | undefined;
  private labels = new Map<string, Labels>();

  constructor(api: MetricsApi) {
    this.api = api;
  }

  /** One for the whole scrape: the registry asks all metrics before it awaits any. */
  get(): Snapshot {
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
      const tenant = config?.tenant;
      const labels: Labels = tenant === undefined ? { bridge, port } : { bridge, port, tenant };
      return { status, config, labels: labelsOf(`${bridge}/${port}/${tenant ?? ''}`, () => labels) };
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
      guards: this.api.guards(),
      networks: this.api.networks(),
      routers: this.api.routing.routers(),
      nat: this.api.routing.nat(),
      qos: this.api.qos(),
      tenants: this.api.config.tenants === undefined ? [] : this.api.tenants(),
      groups: this.api.policy.groups(),
      policy: this.api.policy.status(),
      acls: this.api.acls.lists(),
      aclRules: this.api.acls.samples(RULES_WITH_SERIES),
      pollGap: this.api.pollGap(),
    };
  }
}

function portConfig(bridges: SwitchConfig['bridges'], bridge: string, port: string): PortConfig | undefined {
  // While a change is under way a port may be open that is wanted no longer.
  const ports = bridges[bridge]?.ports ?? {};
  return Object.hasOwn(ports, port) ? ports[port] : undefined;
}
