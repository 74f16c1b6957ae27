// What the switch tells about itself: plain values, ready for JSON. Units are in the names or beside them.

import type { Action, ActionResult } from './config/action.ts';
import type { SwitchConfig } from './config/schema.ts';
import type { Author, Events, PortRole, StpFact, SwitchEvent } from './event.ts';

export type { PortRole } from './event.ts';
/** What spanning tree tells as it happens. */
export type StpChange = StpFact;

/** Frames and bytes are counted without virtio-net header and FCS. Receive is what the switch receives. */
export interface PortCounters {
  receivedFrames: number;
  receivedBytes: number;
  receivedSegments: number;
  forwarded: number;
  copies: number;
  transmittedFrames: number;
  transmittedBytes: number;
  transmittedSegments: number;
  learnRefused: number;
  stationMoves: number;
  /** Frames that the switch made itself in the place of the port. */
  generated: number;
  /** Frames of the control plane, sent through the port or relayed as if it had received them. */
  injected: number;
  /** Frames that came in anew from this port in another domain. */
  recirculated: number;
  /** Frames that went on in another domain, or to the control plane. */
  consumed: number;
  /** Frames that the control plane was given. */
  punted: number;
  /** Drop reason -> frames; only reasons that occurred. */
  receiveDropped: Record<string, number>;
  transmitDropped: Record<string, number>;
}

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

export interface StpCounters {
  bpdusReceived: number;
  /** Malformed ones, which are also counted as received. */
  bpdusInvalid: number;
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

export interface PortStatus {
  bridge: string;
  name: string;
  type: 'tap' | 'af_packet' | 'vxlan' | 'memory' | 'aggregate' | 'local';
  /** Stable while the port exists; brctl's port number counts from 1 within the bridge. */
  number: number;
  /**
   * `waiting`: what it stands on (interface, namespace, address) is not there yet; `gone`: it was there, and is taken again;
   * `failed`: something else stands in the way, and it is tried again; `disabled`: for an error, until that is over.
   */
  state: 'up' | 'down' | 'disabled' | 'waiting' | 'gone' | 'failed';
  /** One sentence if it is not up: why, and what helps. */
  reason?: string;
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
  learnedAddresses: number;
  /** Where its bridge has spanning tree and it takes part. */
  stp?: StpPortStatus;
  /** Of a port with `tunnel_protocols`, by protocol. */
  tunnelled?: Record<string, TunnelledFrames>;
  /** vxlan: remotes that were learned from the wire, a second ago. */
  learnedRemotes?: number;
  counters: PortCounters;
}

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

export interface FdbFilter {
  bridge?: string;
  port?: string;
  vlan?: number;
  mac?: string;
}

/** What passes a port, as the switch sees it: `in` from it, `out` to it; `drop` is what ended there. */
export type CaptureDirection = 'in' | 'out' | 'drop';

export interface CaptureOptions {
  /** Only ports of this bridge, those that come later too. */
  bridge?: string;
  /** Only this port; a bridge's own interface has the bridge's name. */
  port?: string;
  /** Default: in and out. */
  directions?: readonly CaptureDirection[];
  /** A classic BPF program over Ethernet frames, as `tcpdump -ddd` prints it: [code, jt, jf, k]. Default: every frame. */
  program?: readonly (readonly [code: number, jt: number, jf: number, k: number])[];
  /** Most bytes of each frame. Default 262,144: whole frames. */
  snaplen?: number;
  /** End after so many frames. */
  count?: number;
}

export interface CapturedFrame {
  /** Nanoseconds since 1970. Frames of one poll have the same. */
  time: bigint;
  port: string;
  direction: CaptureDirection;
  /** Why it was dropped, and on which side of its port. */
  reason?: string;
  side?: 'receive' | 'transmit';
  /** Bytes that the frame has; of a GSO frame, of all its segments together. */
  length: number;
  /** What was captured of them, at most `snaplen`. The caller's own. */
  bytes: Uint8Array;
}

/** A running capture. Iterate over it to read; leaving the loop ends it. What is not read in time is lost, and counted. */
export interface Capture extends AsyncIterable<CapturedFrame> {
  readonly snaplen: number;
  /** The same in the pieces in which they come; a piece is never empty. */
  batches(): AsyncIterable<CapturedFrame[]>;
  /** Frames that were lost so far, because nobody read: port -> frames. */
  lost(): Record<string, number>;
  /** Ends it: who reads gets what was captured until now. Safe to call twice. */
  close(): Promise<void>;
}

/** One of the last drops of a port. */
export interface LastDrop {
  /** Milliseconds since 1970. */
  time: number;
  /** Empty = of no port. */
  port: string;
  side: 'receive' | 'transmit';
  reason: string;
  help: string;
  /** Bytes that the frame had; 0 if they were gone. */
  length: number;
  /** The first 128 of them, as hex digits. */
  head: string;
}

/** Distribution of the time between two waits of the data plane, during which new frames wait. */
export interface PollGap {
  polls: number;
  sumSeconds: number;
  maxSeconds: number;
  /** Cumulative counts as Prometheus has them: [upper bound in seconds, count]. */
  buckets: [number, number][];
}

/** Distribution of the frames that a poll brought, of the polls that brought any. */
export interface PollFrames {
  polls: number;
  frames: number;
  /** Cumulative, as in PollGap. */
  buckets: [number, number][];
}

/** A neighbour that LLDP found. Text is as the neighbour sent it, made printable, in one line. */
export interface LldpNeighbor {
  bridge: string;
  port: string;
  /** Source address of its last frame. */
  mac: string;
  /** VLAN that its last frame came in; 0 in a VLAN-unaware bridge. */
  vlan: number;
  /** MAC and IP addresses as usual; what is no text as `0x...`. */
  chassisId: string;
  /** `mac`, `interface_name`, `network_address`, `local`, ...: how to read `chassisId`. */
  chassisIdType: string;
  portId: string;
  portIdType: string;
  /** Seconds, as in its last frame. */
  ttl: number;
  /** Seconds until it is forgotten, unless it sends again. */
  expiresIn: number;
  /** Seconds since it was first seen. */
  age: number;
  portDescription?: string;
  systemName?: string;
  systemDescription?: string;
  /** `bridge`, `router`, `station`, ...: what it can be, and what it is. */
  capabilities?: string[];
  enabledCapabilities?: string[];
  managementAddresses: string[];
  /** VLAN of its untagged frames, 0 = none. */
  pvid?: number;
  /** Bytes of the longest frame that it takes, with header, tag and FCS. */
  maxFrameSize?: number;
  /** The first 32 TLVs that Taploom does not interpret, with the first 64 bytes of each. */
  otherTlvs: { type: number; oui?: string; subtype?: number; length: number; hex: string }[];
}

/** LLDP's counters of a port, as in IEEE 802.1AB-2016 clause 9.2.6, since LLDP runs on it. */
export interface LldpCounters {
  framesIn: number;
  framesOut: number;
  /** LLDPDUs without use: malformed, or of neighbours for whom there is no room. */
  framesDiscarded: number;
  /** LLDPDUs with any error. */
  framesInErrors: number;
  /** Frames that the data plane had no room for. */
  framesNotSent: number;
  /** Malformed, or there twice. */
  tlvsDiscarded: number;
  tlvsUnrecognized: number;
  /** TLVs that did not fit into a frame of ours. */
  tlvsOmitted: number;
  /** Neighbours that fell silent. */
  ageouts: number;
  /** Frames of neighbours for whom there was no room. */
  neighborsRefused: number;
}

/** A port on which LLDP runs. */
export interface LldpPortStatus {
  bridge: string;
  port: string;
  mode: 'receive' | 'both';
  neighbors: number;
  counters: LldpCounters;
}

/** A neighbour that came, said something new, or went: shut down, silent for too long, or its port is gone. */
export interface LldpChange {
  kind: 'added' | 'changed' | 'removed';
  neighbor: LldpNeighbor;
}

/** What the hosts behind a port want of a multicast group. */
export interface MdbEntry {
  bridge: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  group: string;
  port: string;
  /** `static`: the configuration says so. */
  type: 'static' | 'dynamic';
  /** `include`: only the sources that are listed; `exclude`: all but those that are blocked. */
  mode: 'include' | 'exclude';
  sources: { address: string; isBlocked: boolean; expiresIn?: number }[];
  /** Seconds until it is forgotten, unless a host says it again. */
  expiresIn?: number;
  /** Where a port leaves fast: the hosts that want it, of IGMPv3 and MLDv2. */
  hosts?: string[];
}

export interface MdbFilter {
  bridge?: string;
  vlan?: number;
  port?: string;
  group?: string;
  /** `flushGroups` only: of these groups no more than this source. */
  source?: string;
}

/** What somebody wants of a group, as a host behind the port would say it: until the time for it is over. */
export interface GroupWish {
  bridge: string;
  vlan?: number;
  port: string;
  group: string;
  /** `include`: only from the sources that are listed; `exclude`, the default: from all others. */
  mode?: 'include' | 'exclude';
  sources?: string[];
}

/** IGMP or MLD in one VLAN. */
export interface MulticastVlan {
  bridge: string;
  vlan: number;
  protocol: 'igmp' | 'mld';
  /** Whether frames to groups go to their members only: while there is a querier. */
  isActive: boolean;
  /** Who asks; `port` if it is not the switch itself. */
  querier?: { address: string; port?: string; expiresIn?: number };
  /** Ports that lead to routers, which get the frames of all groups. */
  routers: { port: string; type: 'permanent' | 'temporary'; expiresIn?: number }[];
  groups: number;
}

/** Counters of a port since the bridge snoops. */
export interface MulticastPort {
  bridge: string;
  port: string;
  /** Groups now, over all VLANs. */
  groups: number;
  reports: number;
  queries: number;
  /** Hellos of PIM routers. */
  hellos: number;
  /** Records that no group was made for, because of a limit. */
  refused: number;
  /** By reason. */
  malformed: Record<string, number>;
}

export interface MulticastStatus {
  entries: MdbEntry[];
  vlans: MulticastVlan[];
  ports: MulticastPort[];
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

export interface AggregateCounters {
  lacpdusIn: number;
  lacpdusOut: number;
  /** LACPDUs that the data plane had no room for. */
  lacpdusNotSent: number;
  /** Frames of slow protocols that are neither an LACPDU nor a marker, or malformed. */
  badFramesIn: number;
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

/** A frame described by its fields, instead of its bytes. Addresses that are left out are made up, and locally administered. */
export interface TraceFields {
  src: string;
  dst: string;
  /** 802.1Q tag: VLAN and priority. */
  vlan?: number;
  pcp?: number;
  /** EtherType of a frame without an IP packet; 0x88b5 (local experiments) unless told. */
  etherType?: number;
  ipSrc?: string;
  ipDst?: string;
  /** Default udp, if there are ports, else icmp. */
  proto?: 'tcp' | 'udp' | 'icmp';
  sport?: number;
  dport?: number;
  /** Bytes without FCS and tag; 60 unless told. */
  size?: number;
}

export interface TraceOptions {
  bridge: string;
  /** The port that would receive it; the bridge's own name is its local interface. */
  port: string;
  /** The frame, without FCS: bytes, or hexadecimal digits. Either this or `fields`. */
  frame?: Uint8Array | string;
  fields?: TraceFields;
  /** Through a VXLAN port: the configured remote that it comes from. */
  remote?: string;
}

export interface TraceLiveOptions {
  bridge: string;
  port: string;
  /** Frames to follow, 1 to 100; default 1. */
  frames?: number;
  /** Seconds to wait for them, up to 300; default 10. */
  timeout?: number;
  src?: string;
  dst?: string;
  vlan?: number;
  etherType?: number;
}

export type TraceStage = 'receive' | 'classify' | 'trap' | 'learn' | 'decide' | 'replicate' | 'egress';

/** One decision. */
export interface TraceStep {
  stage: TraceStage;
  /** A word for programs: a drop reason, or what was decided. */
  verdict: string;
  /** A sentence for people, with the cause. */
  message: string;
  /** Where the configuration says so, and what it says there. */
  path?: string;
  value?: unknown;
}

/** One copy on its way out. */
export interface TraceCopy {
  port: string;
  /** Address of the VXLAN remote. */
  remote?: string;
  /** The tag with which it leaves; absent = untagged. */
  tag?: { vlan: number; pcp: number; dei: boolean };
  /** Bytes with its tag, without FCS and tunnel headers. */
  bytes: number;
  /** What has to be done in software first. */
  offload?: 'checksum' | 'segments';
  /** The reason why this copy would be dropped. */
  dropped?: string;
  /** The switch's own answer to a frame that is too big for a tunnel. */
  isAnswer?: true;
  /** A mirror made it, for whoever watches. */
  isMirrored?: true;
}

export interface Trace {
  bridge: string;
  port: string;
  /** The frame in hexadecimal; of a super-frame its beginning. */
  frame: string;
  bytes: number;
  /** Of a live trace: ms, the switch's monotonic clock. */
  at?: number;
  steps: TraceStep[];
  outcome: {
    verdict: 'forwarded' | 'dropped' | 'consumed';
    /** Drop reason, and what it means. */
    reason?: string;
    help?: string;
    copies: TraceCopy[];
  };
}

export interface ApplyOptions {
  /** For the event that tells of it; default: the embedding program. */
  by?: Author;
  /** What cannot be had now stays wanted, and comes true as soon as it can. */
  keep?: boolean;
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
  /**
   * What would become of a frame: nothing is sent, learned or counted.
   * @throws TaploomError `invalid_frame`, `invalid_mac`, `no_such_bridge`, `no_such_port`, `no_such_remote`
   */
  trace(options: TraceOptions): Promise<Trace>;
  /** What became of the next real frames of a port that match. Fewer, if time runs out. */
  traceLive(options: TraceLiveOptions): Promise<Trace[]>;
  close(): Promise<void>;
}

/** What a switch says by itself. */
export interface SwitchEvents {
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
