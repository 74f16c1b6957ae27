// The client of the control socket: a typed call for each resource. It knows no insides of the switch: `taploom` starts fast.

import type {
  BridgeStatus,
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
  MulticastStatus,
  NatConnection,
  NatFilter,
  NatStatus,
  NeighbourFilter,
  NeighbourStatus,
  NetworkStatus,
  PolicyConnection,
  PolicyFilter,
  PollGap,
  PortStatus,
  QosStatus,
  RouteAnswer,
  RouteFilter,
  RouteQuestion,
  RouterStatus,
  RouteStatus,
  SecurityGroupStatus,
  TenantStatus,
  Trace,
  TraceLiveOptions,
  TraceOptions,
} from '../api.ts';
import type { Action, ActionResult } from '../config/action.ts';
import type { RuleLines } from '../config/rule_lines.ts';
import type { BridgeConfig, PortConfig, StaticEntryConfig, SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { SwitchEvent } from '../event.ts';
import { AclClient } from './acl_client.ts';
import { ControlConnection, ControlError, withQuery } from './connection.ts';
import { ownNetns } from './netns.ts';
import { SseParser } from './sse_parser.ts';

export { ControlError } from './connection.ts';

export interface SwitchSummary {
  version: string;
  pid: number;
  uptimeSeconds: number;
  bridges: BridgeStatus[];
  ports: PortStatus[];
}

export interface Stats {
  bridges: BridgeStatus[];
  ports: PortStatus[];
  pollGap: PollGap;
}

export interface DropRow {
  bridge: string;
  port: string;
  side: 'receive' | 'transmit';
  reason: string;
  frames: number;
  help: string;
}

/** A running capture. */
export interface CaptureStream {
  id: string;
  /** pcapng. */
  chunks: AsyncIterable<Uint8Array>;
  /** Closes the connection, and so the capture. */
  abort(): void;
}

export interface LldpAnswer {
  neighbors: LldpNeighbor[];
  ports: LldpPortStatus[];
}

/** `type`: types with commas between. */
export interface EventQuery {
  since?: number;
  type?: string;
  bridge?: string;
  port?: string;
}

/** What multicast snooping knows, but the groups. */
export type MulticastAnswer = Pick<MulticastStatus, 'vlans' | 'ports'>;
/** Without a VLAN in a bridge that does not filter them, without a source from all. */
export type StaticGroup = { bridge: string; group: string; port: string; source?: string; vlan?: number };

type Results = { results: ActionResult[] };

export class ControlClient extends ControlConnection {
  readonly acls = new AclClient((...args) => this.call(...args));

  summary(): Promise<SwitchSummary> {
    return this.call('GET', '/v1/switch');
  }

  /**
   * A network namespace, by default that of this process, as a configuration names it; undefined: the daemon is in the
   * same one. Fails with `no_such_netns` if it has no name.
   */
  async netns(number = ownNetns()): Promise<string | undefined> {
    return (await this.call<{ netns?: string }>('GET', `/v1/netns/${number}`)).netns;
  }

  stats(): Promise<Stats> {
    return this.call('GET', '/v1/stats');
  }

  async drops(): Promise<DropRow[]> {
    return (await this.call<{ drops: DropRow[] }>('GET', '/v1/drops')).drops;
  }

  async lastDrops(): Promise<LastDrop[]> {
    return (await this.call<{ drops: LastDrop[] }>('GET', '/v1/drops/last')).drops;
  }

  /** Starts a capture on a connection of its own; resolves when it runs. */
  async capture(options: CaptureOptions): Promise<CaptureStream> {
    const response = await this.open('/v1/capture', JSON.stringify(options));
    const id = response.headers['taploom-capture'];
    if (response.statusCode === 200 && typeof id === 'string') {
      return { id, chunks: this.chunksOf(response), abort: () => response.destroy() };
    }
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    this.decode(response.statusCode ?? 0, text); // throws
    throw new ControlError('bad_answer', `${this.socket} did not start a capture: is it taploomd's socket?`);
  }

  /** The stream of the capture ends with its statistics. */
  async endCapture(id: string): Promise<void> {
    await this.call('DELETE', `/v1/capture/${encodeURIComponent(id)}`);
  }

  multicast(bridge?: string): Promise<MulticastAnswer> {
    return this.call('GET', '/v1/multicast', { bridge });
  }

  async guards(): Promise<GuardStatus[]> {
    return (await this.call<{ guards: GuardStatus[] }>('GET', '/v1/guards')).guards;
  }

  async networks(): Promise<NetworkStatus[]> {
    return (await this.call<{ networks: NetworkStatus[] }>('GET', '/v1/networks')).networks;
  }

  async leases(filter: LeaseFilter = {}): Promise<LeaseStatus[]> {
    return (await this.call<{ leases: LeaseStatus[] }>('GET', '/v1/leases', { ...filter })).leases;
  }

  async endLeases(filter: LeaseFilter): Promise<number> {
    return (await this.call<{ ended: number }>('DELETE', '/v1/leases', { ...filter })).ended;
  }

  async routers(): Promise<RouterStatus[]> {
    return (await this.call<{ routers: RouterStatus[] }>('GET', '/v1/routers')).routers;
  }

  /** Fails with `router_exists` if there is one. */
  addRouter(router: string, config: object = {}): Promise<Results> {
    return this.call('PUT', routerPath(router), { exclusive: true }, config);
  }

  /** Fails with `interface_exists` if there is one; makes the router if there is none. */
  addInterface(router: string, name: string, config: object): Promise<Results> {
    return this.call('PUT', routerPath(router, name), { exclusive: true }, config);
  }

  setInterface(router: string, name: string, patch: object): Promise<Results> {
    return this.call('PATCH', routerPath(router, name), {}, patch);
  }

  /** Or an interface of it. */
  deleteRouter(router: string, name?: string): Promise<Results> {
    return this.call('DELETE', routerPath(router, name));
  }

  async routes(filter: RouteFilter = {}): Promise<RouteStatus[]> {
    return (await this.call<{ routes: RouteStatus[] }>('GET', '/v1/routes', { ...filter })).routes;
  }

  routeTo(question: RouteQuestion): Promise<RouteAnswer> {
    return this.call('GET', '/v1/routes/to', { ...question });
  }

  putRoute(route: { router: string; to: string }): Promise<Results> {
    return this.call('PUT', '/v1/routes', {}, route);
  }

  deleteRoute(key: { router: string; to: string; table?: number }): Promise<Results> {
    return this.call('DELETE', '/v1/routes', key);
  }

  async neighbours(filter: NeighbourFilter = {}): Promise<NeighbourStatus[]> {
    const answer = await this.call<{ neighbours: NeighbourStatus[] }>('GET', '/v1/neighbours', { ...filter });
    return answer.neighbours;
  }

  /** Routers that translate addresses. */
  /** Of one port, or of all. */
  qos(port?: string): Promise<QosStatus> {
    return this.call('GET', '/v1/qos', { port });
  }

  async tenants(): Promise<TenantStatus[]> {
    return (await this.call<{ tenants: TenantStatus[] }>('GET', '/v1/tenants')).tenants;
  }

  async nat(): Promise<NatStatus[]> {
    return (await this.call<{ routers: NatStatus[] }>('GET', '/v1/nat')).routers;
  }

  natConnections(filter: NatFilter = {}, limit = 1000): AsyncGenerator<NatConnection[]> {
    return this.pages('/v1/nat/connections', { ...filter, limit });
  }

  async securityGroups(): Promise<SecurityGroupStatus[]> {
    return (await this.call<{ groups: SecurityGroupStatus[] }>('GET', '/v1/groups')).groups;
  }

  /** Connections that security groups have let in. */
  connections(filter: PolicyFilter = {}, limit = 1000): AsyncGenerator<PolicyConnection[]> {
    return this.pages('/v1/connections', { ...filter, limit });
  }

  async endConnections(filter: PolicyFilter): Promise<number> {
    return (await this.call<{ ended: number }>('DELETE', '/v1/connections', { ...filter })).ended;
  }

  async flushNeighbours(filter: NeighbourFilter = {}): Promise<number> {
    return (await this.call<{ flushed: number }>('POST', '/v1/neighbours/flush', {}, filter)).flushed;
  }

  /** Page by page. */
  mdb(filter: MdbFilter = {}, limit = 1000): AsyncGenerator<MdbEntry[]> {
    return this.pages('/v1/mdb', { ...filter, limit });
  }

  putGroup(entry: StaticGroup): Promise<Results> {
    return this.call('PUT', '/v1/mdb', {}, entry);
  }

  deleteGroup(key: StaticGroup): Promise<Results> {
    return this.call('DELETE', '/v1/mdb', { ...key });
  }

  async joinGroup(wish: GroupWish): Promise<void> {
    await this.call('POST', '/v1/mdb/join', {}, wish);
  }

  async flushGroups(filter: MdbFilter = {}): Promise<number> {
    return (await this.call<{ flushed: number }>('POST', '/v1/mdb/flush', {}, filter)).flushed;
  }

  lldp(bridge?: string, port?: string): Promise<LldpAnswer> {
    return this.call('GET', '/v1/lldp', { bridge, port });
  }

  config(): Promise<SwitchConfig> {
    return this.call('GET', '/v1/config');
  }

  /** Makes the switch what `config` says; `lines`: where its rules stand in a file. */
  async apply(config: object, lines?: RuleLines): Promise<ActionResult[]> {
    return (await this.call<Results>('PUT', '/v1/config', {}, { ...config, rule_lines: lines })).results;
  }

  /** What `apply` would do. */
  async plan(config: unknown): Promise<Action[]> {
    return (await this.call<{ plan: Action[] }>('PUT', '/v1/config', { dry_run: true }, config)).plan;
  }

  async bridge(bridge: string): Promise<{ status: BridgeStatus; config: BridgeConfig }> {
    return this.call('GET', bridgePath(bridge));
  }

  /** Fails with `bridge_exists` if there is one. */
  async addBridge(bridge: string, config: object = {}): Promise<Results> {
    return this.call('PUT', bridgePath(bridge), { exclusive: true }, config);
  }

  /** Changes the keys of `patch`; null takes a key back to its default. */
  async setBridge(bridge: string, patch: object): Promise<Results> {
    return this.call('PATCH', bridgePath(bridge), {}, patch);
  }

  async deleteBridge(bridge: string): Promise<Results> {
    return this.call('DELETE', bridgePath(bridge));
  }

  async port(bridge: string, port: string): Promise<{ status: PortStatus; config?: PortConfig }> {
    return this.call('GET', portPath(bridge, port));
  }

  /**
   * Fails with `port_exists` if there is one in any bridge; with `fresh` also with `interface_exists` if the daemon's
   * host has an interface of this name, which a TAP port would otherwise take if it can.
   */
  async addPort(bridge: string, port: string, config: object, { fresh = false } = {}): Promise<Results> {
    const query = { exclusive: true, ...(fresh && { fresh }) };
    return this.call('PUT', portPath(bridge, port), query, config);
  }

  async setPort(bridge: string, port: string, patch: object): Promise<Results> {
    return this.call('PATCH', portPath(bridge, port), {}, patch);
  }

  async deletePort(bridge: string, port: string): Promise<Results> {
    return this.call('DELETE', portPath(bridge, port));
  }

  /** False: it was not disabled. */
  async enablePort(bridge: string, port: string): Promise<boolean> {
    return (await this.call<{ enabled: boolean }>('POST', `${portPath(bridge, port)}/enable`)).enabled;
  }

  /** Page by page; a million entries are never held at once. */
  fdb(filter: FdbFilter = {}, limit = 1000): AsyncGenerator<FdbEntry[]> {
    return this.pages('/v1/fdb', { ...filter, limit });
  }

  async flush(filter: FdbFilter = {}): Promise<number> {
    return (await this.call<{ flushed: number }>('POST', '/v1/fdb/flush', {}, filter)).flushed;
  }

  putStatic(entry: StaticEntryConfig & { bridge: string }): Promise<Results> {
    return this.call('PUT', '/v1/fdb', {}, entry);
  }

  deleteStatic(key: { bridge: string; mac: string; vlan?: number }): Promise<Results> {
    return this.call('DELETE', '/v1/fdb', key);
  }

  async events(query: EventQuery = {}): Promise<SwitchEvent[]> {
    return (await this.call<{ events: SwitchEvent[] }>('GET', '/v1/events', { ...query, follow: false }))
      .events;
  }

  /** Events as they happen, on a connection of their own, until the daemon ends it: `connection_lost`. */
  async *follow(query: EventQuery = {}): AsyncGenerator<SwitchEvent> {
    const response = await this.open(withQuery('/v1/events', { ...query }));
    const parser = new SseParser();
    response.setEncoding('utf8');
    try {
      if (response.statusCode !== 200) {
        let text = '';
        for await (const chunk of response) text += chunk;
        this.decode(response.statusCode ?? 0, text); // throws
      }
      for await (const chunk of response) {
        for (const { data } of parser.push(chunk as string)) yield JSON.parse(data) as SwitchEvent;
      }
    } catch (error) {
      throw error instanceof TaploomError ? error : this.explain(error as NodeJS.ErrnoException);
    } finally {
      response.destroy();
    }
    throw new ControlError('connection_lost', `taploomd at ${this.socket} closed the connection: it ends`);
  }

  async trace(options: TraceOptions & { frame?: string }): Promise<Trace> {
    return (await this.call<{ traces: Trace[] }>('POST', '/v1/trace', {}, options)).traces[0];
  }

  async traceLive({ bridge, port, ...live }: TraceLiveOptions): Promise<Trace[]> {
    return (await this.call<{ traces: Trace[] }>('POST', '/v1/trace', {}, { bridge, port, live })).traces;
  }
}

function bridgePath(bridge: string): string {
  return `/v1/bridges/${segment(bridge)}`;
}

function routerPath(router: string, name?: string): string {
  const path = `/v1/routers/${segment(router)}`;
  return name === undefined ? path : `${path}/interfaces/${segment(name)}`;
}

function portPath(bridge: string, port: string): string {
  return `${bridgePath(bridge)}/ports/${segment(port)}`;
}

/** These three would make the URL mean something else, even encoded. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') {
    throw new ControlError('invalid_config', `${JSON.stringify(name)} is not an interface name`, {
      status: 400,
    });
  }
  return encodeURIComponent(name);
}
