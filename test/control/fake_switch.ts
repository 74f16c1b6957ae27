// A switch's face with as many ports as a test wants and no engine behind it.

import type {
  GuardStatus,
  LldpPortStatus,
  MulticastPort,
  NetworkStatus,
  PortCounters,
  PortStatus,
  QosStatus,
  SwitchApi,
  TenantStatus,
} from '../../src/api.ts';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import type { MetricsApi } from '../../src/control/metrics.ts';
import { SimulatedAcls } from './simulated_acls.ts';
import { SimulatedPolicy } from './simulated_policy.ts';
import { SimulatedRouting } from './simulated_routing.ts';

export function counters(change: Partial<PortCounters> = {}): PortCounters {
  return {
    receivedFrames: 0,
    receivedBytes: 0,
    receivedSegments: 0,
    forwarded: 0,
    copies: 0,
    transmittedFrames: 0,
    transmittedBytes: 0,
    transmittedSegments: 0,
    held: 0,
    learnRefused: 0,
    stationMoves: 0,
    generated: 0,
    injected: 0,
    recirculated: 0,
    consumed: 0,
    punted: 0,
    receiveDropped: {},
    transmitDropped: {},
    ...change,
  };
}

export function portStatus(name: string, change: Partial<PortStatus> = {}): PortStatus {
  return {
    bridge: 'br0',
    name,
    type: 'tap',
    number: 1,
    state: 'up',
    mtu: 1500,
    learnedAddresses: 0,
    counters: counters(),
    ...change,
  };
}

export class FakeSwitch implements MetricsApi {
  config: SwitchConfig = parseConfig({ version: 1, bridges: { br0: {} } });
  list: PortStatus[];
  gap = { polls: 0, sumSeconds: 0, maxSeconds: 0, buckets: [] as [number, number][] };
  frames = { polls: 0, frames: 0, buckets: [] as [number, number][] };
  snapshots = 0;
  readonly routing = new SimulatedRouting(() => this.config);
  readonly policy = new SimulatedPolicy(() => this.config);
  readonly acls = new SimulatedAcls(() => this.config);
  lldpStates: LldpPortStatus[] = [];
  qosStatus: QosStatus = { queues: [], policers: [] };
  tenantStates: TenantStatus[] = [];

  tenants(): TenantStatus[] {
    return this.tenantStates;
  }

  constructor(list: PortStatus[]) {
    this.list = list;
  }

  unassignedDrops(): Record<string, number> {
    return {};
  }

  ports(): PortStatus[] {
    this.snapshots++;
    return this.list;
  }

  bridges(): ReturnType<SwitchApi['bridges']> {
    const bridge = { mac: '02:00:00:00:00:01', vlanFiltering: false, ageingTime: 300, learnedAddresses: 7 };
    return [{ ...bridge, name: 'br0', ports: this.list.map(({ name }) => name) }];
  }

  pollGap() {
    return this.gap;
  }

  pollFrames() {
    return this.frames;
  }

  multicastStates: MulticastPort[] = [];

  networkStates: NetworkStatus[] = [];

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

  multicastPorts() {
    return this.multicastStates;
  }

  lldpPorts() {
    return this.lldpStates;
  }
}
