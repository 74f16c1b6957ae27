// What the switch tells about itself: plain values, ready for JSON. Units are in the names or beside them. Subjects with many
// of them are files of api/.

import type { AclApi } from './api/acl.ts';
import type { Capture, CaptureOptions, LastDrop } from './api/capture.ts';
import type { PortCounters } from './api/counters.ts';
import type { GuardStatus } from './api/guard.ts';
import type { HookStatus } from './api/hook.ts';
import type { LldpChange, LldpNeighbor, LldpPortStatus } from './api/lldp.ts';
import type { GroupWish, MdbEntry, MdbFilter, MulticastPort, MulticastVlan } from './api/multicast.ts';
import type { LeaseFilter, LeaseStatus, NetworkStatus } from './api/network.ts';
import type { PolicyApi } from './api/policy.ts';
import type { PollFrames, PollGap } from './api/polls.ts';
import type { QosStatus } from './api/qos.ts';
import type { RoutingApi } from './api/router.ts';
import type { SocketStatus } from './api/sockets.ts';
import type { TenantStatus } from './api/tenants.ts';
import type { Trace, TraceLiveOptions, TraceOptions } from './api/trace.ts';
import type { Action, ActionResult } from './config/action.ts';
import type { RuleLines } from './config/rule_lines.ts';
import type { SwitchConfig } from './config/schema.ts';
import type {
  Author,
  DropFact,
  Events,
  HookFact,
  LeaseFact,
  LimitFact,
  PortFact,
  PortRole,
  StationFact,
  StpFact,
  SwitchEvent,
} from './event.ts';

export type * from './api/acl.ts';
export type * from './api/capture.ts';
export type * from './api/counters.ts';
export type * from './api/guard.ts';
export type * from './api/hook.ts';
export type * from './api/lldp.ts';
export type * from './api/multicast.ts';
export type * from './api/nat.ts';
export type * from './api/network.ts';
export type * from './api/policy.ts';
export type * from './api/polls.ts';
export type * from './api/qos.ts';
export type * from './api/router.ts';
export type * from './api/sockets.ts';
export type * from './api/tenants.ts';
export type * from './api/trace.ts';
export type { PortRole } from './event.ts';
/** What spanning tree tells as it happens. */
export type StpChange = StpFact;

/** A customer's control frames of a protocol that went into the tunnel, and that came out of it for him. */
export interface TunnelledFrames {
  received: number;
  transmitted: number;
}

/** What limits the outer packets of a tunnel. */
export interface Underlay {
  /** Bytes. */
  mtu: number;
  /** Interface through which they leave. */
  device: string;
  /** The remote that takes the least; none: the tunnel knows no remote. */
  remote?: string;
  /** Destination of the route to it: `192.0.2.0/24`, or `default`. */
  route?: string;
  /** `interface`: its MTU; `route`: the metric `mtu` of the route. */
  setBy: 'interface' | 'route';
}

/** What is left of the timers of spanning tree, s; 0 = it does not run. */
export interface StpTimers {
  hello: number;
  tcn: number;
  topologyChange: number;
  messageAge: number;
  forwardDelay: number;
  hold: number;
}

/** Spanning tree on a port. IDs are hexadecimal: `8000.0123456789ab` of a bridge, `8001` of a port. */
export interface StpPortStatus {
  id: string;
  role: PortRole;
  state: 'disabled' | 'blocking' | 'listening' | 'learning' | 'forwarding';
  /** One sentence if it does not forward: why. */
  reason?: string;
  cost: number;
  /** Whether it is taken for a port without bridges behind it. */
  isEdge: boolean;
  /** What it speaks. */
  protocol: 'rstp' | 'stp';
  designatedRoot: string;
  designatedCost: number;
  designatedBridge: string;
  designatedPort: string;
  configPending: boolean;
  topologyChangeAck: boolean;
  timers: Pick<StpTimers, 'messageAge' | 'forwardDelay' | 'hold'>;
  counters: StpCounters;
}

/** Of spanning tree on a port, since it takes part. */
export interface StpCounters {
  bpdusReceived: number;
  /** By reason: those without use, which are also counted as received. */
  malformed: Record<string, number>;
  bpdusSent: number;
  /** The data plane had no room for them. */
  bpdusNotSent: number;
  /** Changes of the topology that the port made itself. */
  topologyChanges: number;
  /** How often it began to forward. */
  forwardTransitions: number;
}

/** Spanning tree of a bridge. */
export interface StpStatus {
  protocol: 'rstp' | 'stp';
  id: string;
  root: string;
  rootPathCost: number;
  /** None: the bridge is the root. */
  rootPort?: string;
  /** In force: the root's; s. */
  maxAge: number;
  helloTime: number;
  forwardDelay: number;
  topologyChange: boolean;
  topologyChangeDetected: boolean;
  timers: Pick<StpTimers, 'hello' | 'tcn' | 'topologyChange'>;
}

/** A port as it is now: what it is, what state it is in and why, and its counters. */
export interface PortStatus {
  bridge: string;
  name: string;
  type:
    | 'tap'
    | 'veth'
    | 'af_packet'
    | 'tun'
    | 'vxlan'
    | 'stream'
    | 'dgram'
    | 'vhost_user'
    | 'memory'
    | 'aggregate'
    | 'local';
  /** Stable while the port exists; brctl's port number counts from 1 within the bridge. */
  number: number;
  /**
   * `waiting`: what it stands on (interface, namespace, address) is not there yet; `gone`: it was there, and is taken again;
   * `failed`: something else stands in the way, and it is tried again; `disabled`: for an error, until that is over;
   * `broken`: the guest's rings contradict themselves, until its driver is reset.
   */
  state: 'up' | 'down' | 'disabled' | 'waiting' | 'gone' | 'failed' | 'broken';
  /** One sentence if it is not up: why, and what helps. */
  reason?: string;
  /** Whose it is, as the configuration says. */
  tenant?: string;
  /** What its interface is called now, if somebody has renamed it. The port answers to both names. */
  interface?: string;
  /** The largest layer-3 packet that leaves; of a tunnel what is configured and the underlay allows. */
  mtu: number;
  /** Of a tunnel. */
  underlay?: Underlay;
  /** Address of the interface on the host's side, where there is one. */
  mac?: string;
  netns?: string;
  /** TAP and af_packet: offloads the kernel accepted, as TUNSETOFFLOAD bits. */
  offloads?: number;
  /**
   * TAP, af_packet and vxlan: frames that the kernel dropped because nobody took them from the queue in time, since the
   * port is attached; as of a look some seconds ago at most. They never reached the switch, so `counters` knows nothing of
   * them. Tunnels that share a local address and UDP port share a socket: each tells all that it lost.
   */
  queueDropped?: number;
  /** How often it was disabled: reason (`loop`, `storm`, `address_limit`, ...) -> times; only reasons that occurred. */
  disabledBy?: Record<string, number>;
  /** Of a member of an aggregate: that one. A member is in no VLAN and learns no addresses itself. */
  memberOf?: string;
  /** What it does there, and if it does not carry frames why. */
  member?: Pick<AggregateMemberStatus, 'state' | 'reason'>;
  /** Of an aggregate. */
  aggregate?: AggregateStatus;
  /** stream and dgram. */
  socket?: SocketStatus;
  /** vhost_user: the rings of the guest. */
  guest?: GuestPortStatus;
  learnedAddresses: number;
  /** Where its bridge has spanning tree and it takes part. */
  stp?: StpPortStatus;
  /** Of a port with `tunnel_protocols`, by protocol. */
  tunnelled?: Record<string, TunnelledFrames>;
  /** Those that its frames meet, in their order. */
  hooks?: HookStatus[];
  /** vxlan: remotes that were learned from the wire, a second ago. */
  learnedRemotes?: number;
  counters: PortCounters;
}

/** The rings of a vhost-user port's guest. */
export interface GuestPortStatus {
  /** The socket of its front end. */
  path: string;
  rings: 'none' | 'split' | 'packed';
  /** Pairs of rings that are in use. */
  queues: number;
  /** Times that the guest was interrupted, since the port is attached. */
  interrupts: number;
  /** Frames for which it had no buffers. */
  full: number;
}

/** A bridge as it is now. */
export interface BridgeStatus {
  name: string;
  /** EUI-48 of the bridge, as in `brctl show`'s bridge id 8000.xxxxxxxxxxxx. */
  mac: string;
  vlanFiltering: boolean;
  /** Seconds. */
  ageingTime: number;
  learnedAddresses: number;
  /** Where it is on. */
  stp?: StpStatus;
  ports: string[];
}

/** A station, and where frames to it go. */
export interface FdbEntry {
  bridge: string;
  mac: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  port: string;
  /** Address of the VXLAN remote. */
  remote?: string;
  type: 'learned' | 'static' | 'local';
  /** Seconds since the station was last seen; 0 for static and local entries. */
  age: number;
  /** It may not send: its port is locked, and nobody has made a static entry of it (MAB). */
  locked?: true;
}

/** Entries of the forwarding database: those that match in all that is said. */
export interface FdbFilter {
  bridge?: string;
  port?: string;
  vlan?: number;
  mac?: string;
}

/** One end of a link, as LACP says it: IEEE 802.1AX-2014 clause 6.4.2.3. */
export interface LacpEndStatus {
  systemPriority: number;
  system: string;
  key: number;
  portPriority: number;
  port: number;
  /** Bits, from the lowest: activity, timeout, aggregation, synchronization, collecting, distributing, defaulted, expired. */
  state: number;
}

/** Of a member of an aggregate, since it is one. */
export interface AggregateCounters {
  lacpdusIn: number;
  lacpdusOut: number;
  /** LACPDUs that the data plane had no room for. */
  lacpdusNotSent: number;
  /** By reason: frames of slow protocols that are neither an LACPDU nor a marker. */
  malformed: Record<string, number>;
  markersIn: number;
  /** Times that its link went down. */
  failures: number;
  /** Times that an end did not get in step within a minute. */
  churns: number;
}

/** A member of an aggregate. */
export interface AggregateMemberStatus {
  port: string;
  /** `carries`: frames leave through it. */
  state: 'carries' | 'waits' | 'down';
  /** Why it does not carry frames. */
  reason?: string;
  /** Its share of the flows, 0 to 1. */
  share: number;
  /** With LACP. */
  actor?: LacpEndStatus;
  partner?: LacpEndStatus;
  receive?: 'disabled' | 'expired' | 'defaulted' | 'current';
  mux?: 'detached' | 'waiting' | 'attached' | 'collecting' | 'distributing';
  /** An end has not been in step for more than a minute. */
  churn?: boolean;
  counters: AggregateCounters;
}

/** An aggregate: what it is made of, and which of its members carry frames. */
export interface AggregateStatus {
  lacp: 'active' | 'passive' | 'off';
  mode: 'balance' | 'active_backup';
  minLinks: number;
  /** With LACP: what this switch says of itself. */
  system?: string;
  systemPriority?: number;
  key?: number;
  /** The end that the members in use lead to. */
  partner?: LacpEndStatus;
  members: AggregateMemberStatus[];
}

export interface ApplyOptions {
  /** For the event that tells of it; default: the embedding program. */
  by?: Author;
  /** What cannot be had now stays wanted, and comes true as soon as it can. */
  keep?: boolean;
  /** Where its rules stand in a file: traces and events name the line. */
  lines?: RuleLines;
}

/** What the control plane (server, metrics, CLI) may ask of a switch. `Switch` implements it. */
export interface SwitchApi {
  /** What is wanted, defaults filled in. What of it cannot be had now is a port that is not up: see `PortStatus.state`. */
  readonly config: SwitchConfig;
  /** What `apply(next)` would do, deletions first. Throws `ConfigError` with all problems. */
  plan(next: unknown): Action[];
  /**
   * Carries out the plan. A failed action is reported and left out of `config`; the others are in force. With `keep` it is
   * wanted all the same: the switch goes on trying. `by` is for the event that tells of it.
   */
  apply(next: unknown, options?: ApplyOptions): Promise<ActionResult[]>;
  /** What happens: docs/events.md. */
  readonly events: Events;
  bridges(): BridgeStatus[];
  /** `look: false`: without asking the kernel about interfaces anew; 1 ms for 64 ports where it takes 4. */
  ports(options?: { look?: boolean }): PortStatus[];
  /** Changes whenever a port's state or drops do; 0.1 ms for 64 ports, where `ports()` takes 3. */
  portsDigest(): string;
  /** Frames that were dropped and belong to no port (a VXLAN datagram with an unknown VNI): reason -> frames. */
  unassignedDrops(): Record<string, number>;
  /** Pages of the forwarding database, each from one moment. */
  fdb(filter?: FdbFilter): AsyncIterable<FdbEntry[]>;
  /** Forgets learned entries that match; resolves with how many. */
  flush(filter?: FdbFilter): Promise<number>;
  /**
   * Tries a port again that was disabled for an error, or closed by BPDU guard, before its time. Resolves with false if it
   * was neither.
   * @throws TaploomError `no_such_port`
   */
  enablePort(port: string): Promise<boolean>;
  pollGap(): PollGap;
  pollFrames(): PollFrames;
  /** Starts a capture; resolves when it runs. At most four at a time. */
  capture(options?: CaptureOptions): Promise<Capture>;
  /** The last drops of each port, 16 at most of each worker, oldest first. */
  lastDrops(): Promise<LastDrop[]>;
  /** Neighbours that LLDP found, of ports whose bridge does not forward LLDP. */
  lldp(): LldpNeighbor[];
  /** Ports on which LLDP runs. */
  lldpPorts(): LldpPortStatus[];
  /** Pages of the groups that multicast snooping found. */
  mdb(filter?: MdbFilter): Iterable<MdbEntry[]>;
  /**
   * Joins a group for a port, as long as a host's report would hold.
   * @throws TaploomError `no_such_bridge`, `no_such_port`, `not_snooping`, `too_many_groups`
   */
  joinGroup(wish: GroupWish): void;
  /** Forgets what hosts have joined, not what the configuration says. Returns how many (group, port) there were. */
  flushGroups(filter?: MdbFilter): number;
  /** Queriers and router ports by VLAN and protocol, of one bridge or of all that snoop. */
  multicastVlans(bridge?: string): MulticastVlan[];
  multicastPorts(): MulticastPort[];
  /** Queues of shaped ports, and policers. */
  qos(): QosStatus;
  /** Tenants, what they have, and their quotas. */
  tenants(): TenantStatus[];
  /** Networks of bridges. */
  /** Guards of ports: their bindings, and what they refused. */
  guards(): GuardStatus[];
  networks(): NetworkStatus[];
  /** Addresses of guests, in their order. */
  leases(filter?: LeaseFilter): LeaseStatus[];
  /** Takes leases from guests, who do not know that; a client asks again when half its time is over. Returns how many. */
  endLeases(filter: LeaseFilter): number;
  /** Routers and their neighbours. */
  readonly routing: RoutingApi;
  /** Security groups and their connections. */
  readonly policy: PolicyApi;
  /** Access lists. */
  readonly acls: AclApi;
  /**
   * What would become of a frame: nothing is sent, learned or counted.
   * @throws TaploomError `invalid_frame`, `invalid_mac`, `no_such_bridge`, `no_such_port`, `no_such_remote`
   */
  trace(options: TraceOptions): Promise<Trace>;
  /** What became of the next real frames of a port that match. Fewer, if time runs out. */
  traceLive(options: TraceLiveOptions): Promise<Trace[]>;
  close(): Promise<void>;
}

/** A station's address was learned; again, too, after it had aged. */
export interface LearnedStation {
  bridge: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  mac: string;
  port: string;
  /** Configured VXLAN remote behind the port. */
  remote?: string;
}

type Told<Fact> = Fact & Pick<SwitchEvent, 'seq' | 'time' | 'message'>;

/** Events by name. */
export interface NamedEvents {
  /** `up`, or `added`: a new port counts as up. */
  'port-up': Told<PortFact>;
  /** `down`, `disabled`, `gone` or `removed`. */
  'port-down': Told<PortFact>;
  /** At most 100 a second of each worker, and only while somebody listens. */
  'station-learned': LearnedStation;
  'station-moved': Told<Extract<StationFact, { mac: string }>>;
  lease: Told<LeaseFact>;
  limit: Told<LimitFact>;
  /** At most one a second of each port and reason, with the number of frames since. */
  drop: Told<DropFact>;
  hook: Told<HookFact>;
}
/** What `sw.on` can be told of by name. */
export type EventName = keyof NamedEvents;

/** An event of a stream, or how many its reader was too slow for. */
export type NamedEvent<Name extends EventName = EventName> =
  | { [N in Name]: { name: N; event: NamedEvents[N] } }[Name]
  | { name: 'lost'; event: { count: number } };

type NamedListeners = { [Name in EventName]: [event: NamedEvents[Name]] };

/** What a switch says by itself. */
export interface SwitchEvents extends NamedListeners {
  /** Anything that `events` tells, as it happens. */
  event: [event: SwitchEvent];
  /** A port's device died: its interface was deleted. The port is taken again as soon as there is one of its name. */
  gone: [port: string, errno: number];
  /** The kernel refuses to segment for this VXLAN port: from now on each segment is sent by itself. Said once. */
  unsegmented: [port: string, errno: number];
  /** LLDP: a neighbour came, changed or went. */
  neighbor: [change: LldpChange];
  /** The data plane died. The switch is closed. */
  failed: [error: Error];
}
