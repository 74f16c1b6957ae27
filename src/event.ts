// What happens to a switch, as plain values for JSON: docs/events.md. `message` says in a sentence what the fields say to programs.

import type { ActionResult } from './config/action.ts';
import { parsePath } from './config/path.ts';
import type { FileLine } from './config/rule_lines.ts';

/** A port came or went, or its device changed its state. */
export interface PortFact {
  type: 'port';
  /**
   * `waiting`: what it stands on is not there yet; `failed`: something else stands in its way. Both are tried again, and so is
   * one that is `disabled` for an error. `enabled`: somebody did not wait for that.
   */
  change:
    | 'added'
    | 'removed'
    | 'up'
    | 'down'
    | 'disabled'
    | 'enabled'
    | 'gone'
    | 'waiting'
    | 'failed'
    | 'broken';
  bridge: string;
  port: string;
  /** One sentence, where there is more to say than the change does. */
  reason?: string;
  /** Of a guest at a socket for many, which comes and goes by itself: the port that listens. */
  guestOf?: string;
}

/**
 * A station was seen on another port than before. One that moves again and again is `flapping`, which is told when it
 * begins and when it is `calm`, and not for each move in between. `more`: so many moves were not told one by one. `locked`:
 * one that may not send waits on a port (`from` and `to`) for somebody to admit it.
 */
export type StationFact =
  | {
      type: 'station';
      change: 'moved' | 'flapping' | 'calm' | 'locked';
      bridge: string;
      /** 0 in a VLAN-unaware bridge. */
      vlan: number;
      mac: string;
      from: string;
      to: string;
      /** Configured VXLAN remotes behind the ports. */
      fromRemote?: string;
      toRemote?: string;
      /** Flapping: moves that were seen, and in how many seconds. */
      moves?: number;
      seconds?: number;
    }
  | { type: 'station'; change: 'more'; moves: number };

/** An address was not learned because a port or a bridge has as many as it may. */
export interface LimitFact {
  type: 'limit';
  /** `max_remotes`: a tunnel learned so many remotes, and gives up the oldest for others. */
  limit: 'port_fdb_limit' | 'bridge_fdb_limit' | 'max_remotes' | 'mcast_max_groups' | 'max_groups';
  bridge: string;
  /** Where the address was seen; the port that is full, if it is one. */
  port: string;
  /** What was not learned, a group in place of `mac`; none for `max_remotes`. */
  vlan?: number;
  mac?: string;
  group?: string;
  /** The limit's value. */
  value: number;
}

/** A neighbour was seen for the first time, says something else, or is gone. */
export interface NeighbourFact {
  type: 'neighbour';
  change: 'added' | 'changed' | 'removed';
  bridge: string;
  port: string;
  protocol: 'lldp';
  /** Its own words: what identifies it and its port, and its name. */
  chassis: string;
  neighbourPort: string;
  name?: string;
}

/** IEEE 802.1D-2004 clause 17.7; `disabled` is also a port that is down, or closed by a guard. */
export type PortRole = 'disabled' | 'root' | 'designated' | 'alternate' | 'backup';

/** Spanning tree: a port took another role, began or ended to forward, or was closed by a guard; or there is another root. */
export type StpFact =
  | {
      type: 'stp';
      change: 'role' | 'forwarding' | 'blocked' | 'guarded';
      bridge: string;
      port: string;
      role: PortRole;
      /** One sentence, where there is more to say. */
      reason?: string;
    }
  | {
      type: 'stp';
      change: 'root';
      bridge: string;
      /** ID of the root, and the port on the way to it; none: the bridge is the root. */
      root: string;
      port?: string;
    };

/** The device of a port takes less than is sent there: ports share what it takes, until it does again. */
export interface UplinkFact {
  type: 'uplink';
  change: 'full' | 'free';
  bridge: string;
  port: string;
  /** Of `full`: bit/s that it takes. */
  rate?: number;
}

/** A member of an aggregate carries frames, waits, or has lost its link. */
export interface MemberFact {
  type: 'member';
  change: 'carries' | 'waits' | 'down';
  bridge: string;
  /** The aggregate. */
  port: string;
  member: string;
  /** One sentence: why it does not carry frames. */
  reason?: string;
}

/** Reason of frames that never reached the switch: the kernel had no room for them. */
export const LOST = 'queue_full';

/** What it means on the receiving side of a port, and what helps. */
export function lostHelp(type: string, port: string): string {
  const hasQueue = type !== 'af_packet' && type !== 'veth' && type !== 'vxlan';
  const room = !hasQueue ? '' : `, or \`ip link set ${port} txqueuelen 10000\` for bursts`;
  return `the kernel lost them before the switch could read them: it was too busy; --workers 2 helps${room}`;
}

/** Multicast snooping: who asks hosts for their groups in a VLAN has changed, or a port leads to a router, or no longer. */
export interface MulticastFact {
  type: 'multicast';
  change: 'querier_elected' | 'querier_lost' | 'router_added' | 'router_removed';
  bridge: string;
  vlan: number;
  port: string;
  protocol: 'igmp' | 'mld';
  /** Of the querier. */
  address?: string;
}

/** DHCP in a network of a bridge. */
export interface LeaseFact {
  type: 'lease';
  /**
   * `declined`: somebody else was found to use the address; `refused`: the guest gets none, `reason` says why; `rogue`: a
   * guest's own server, which nobody hears: of DHCP, or by its `reason` `router` or `dhcp6`.
   */
  change: 'bound' | 'released' | 'expired' | 'declined' | 'refused' | 'rogue';
  /** `br0`, or of a VLAN `br0.10`. */
  network: string;
  bridge: string;
  port: string;
  mac: string;
  address?: string;
  name?: string;
  reason?: string;
}

/** An address behind an interface of a router, or its own. */
export interface AddressFact {
  type: 'address';
  /**
   * `moved`: a neighbour has another MAC address than `before`; `lost`: it answers no longer, though packets go there;
   * `duplicate`: somebody else says that he has the interface's own address; `leased` and `ended`: the interface has an address of a
   * DHCP server or of a router's advertisements, or none any more, and `reason` says why.
   */
  change: 'moved' | 'lost' | 'duplicate' | 'leased' | 'ended';
  bridge: string;
  /** The interface: `r1.web`. */
  port: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  address: string;
  mac: string;
  before?: string;
  reason?: string;
}

/** A network of a bridge is as the configuration says, or not; or a guest wants what is not its own. */
export interface NetworkFact {
  type: 'network';
  /**
   * `address_taken`: a guest claims an address that is the gateway's or another guest's, and nobody hears it; `restored`: somebody
   * had removed the gateway's address, and it is set again.
   */
  change: 'ready' | 'failed' | 'address_taken' | 'restored';
  /** `br0`, or of a VLAN `br0.10`. */
  network: string;
  bridge: string;
  /** Of `address_taken`, and of `restored` the gateway's interface; otherwise empty: it is about all of them. */
  port: string;
  /** Of `failed`. */
  reason?: string;
  /** Of `address_taken`: the address, and who claims it; of `restored` the addresses, with the bits of their subnets. */
  address?: string;
  mac?: string;
}

/** A port's guard refused frames: one of them is told, and few of a kind. */
export interface GuardFact {
  type: 'guard';
  change: 'refused';
  bridge: string;
  port: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  /** The reason of the drop: `spoofed_ip`, `rogue_router`, ... */
  reason: string;
  /** Who sent it. */
  mac: string;
  /** The address that it says its sender has; none: it says no such thing. */
  address?: string;
}

/** A frame fitted a rule of an access list that has `log`: some of many are told. With the line of a rule that came from a file. */
export interface AclFact extends Partial<FileLine> {
  type: 'acl';
  change: 'matched';
  bridge: string;
  /** By which it came in, or would leave. */
  port: string;
  /** 0 in a VLAN-unaware bridge. */
  vlan: number;
  side: 'in' | 'out';
  list: string;
  /** Its number in the list, from 1 on, and where it is in the configuration. */
  rule: number;
  path: string;
  verdict: 'permit' | 'deny' | 'count';
  /** The frame in one line. */
  frame: string;
  /** So many of the rule were not told since the last one. */
  more?: number;
}

/** Frames were dropped, since the last event of this port and reason. */
export interface DropFact {
  type: 'drop';
  /** Empty, as `port` is: frames that belong to no port. */
  bridge: string;
  port: string;
  side: 'receive' | 'transmit';
  reason: string;
  frames: number;
}

/** A hook was turned off, since it threw or could not be loaded; or it reports something. */
export interface HookFact {
  type: 'hook';
  change: 'off' | 'reported';
  bridge: string;
  /** Empty: all of the bridge's. */
  port: string;
  /** Its module, or the name of its function. */
  hook: string;
  /** Of `off`: why, and what becomes of its frames. */
  reason?: string;
  onError?: 'pass' | 'drop';
  /** Of `reported`: its own words. */
  text?: string;
}

/** Who changed the configuration. */
export type Author =
  | {
      kind: 'client';
      /** 0: it is in a namespace that cannot be seen from here. */
      pid: number;
      uid: number;
      gid: number;
      user?: string;
      /** Its command line, at most 256 bytes. */
      command?: string;
    }
  | { kind: 'file'; file: string }
  /** Whoever embeds the switch. */
  | { kind: 'program' }
  /** A client of which nobody can tell more, such as one that went at once. */
  | { kind: 'unknown' };

/** A configuration was applied, wholly or in part. */
export interface ConfigurationFact {
  type: 'configuration';
  by: Author;
  /** The first hundred; `keys` are those that a `set` changes. */
  actions: (Pick<ActionResult, 'op' | 'kind' | 'path' | 'ok' | 'error'> & { keys?: string[] })[];
  total: number;
  failed: number;
}

/** To a reader: so many events before this one are not to be had any more. 0 = nobody knows how many. */
export interface LostFact {
  type: 'lost';
  count: number;
}

export type EventFact =
  | PortFact
  | StationFact
  | LimitFact
  | NeighbourFact
  | StpFact
  | MulticastFact
  | MemberFact
  | UplinkFact
  | LeaseFact
  | NetworkFact
  | AddressFact
  | GuardFact
  | AclFact
  | DropFact
  | HookFact
  | ConfigurationFact
  | LostFact;

export const EVENT_TYPES = [
  'port',
  'station',
  'limit',
  'neighbour',
  'stp',
  'multicast',
  'member',
  'uplink',
  'lease',
  'network',
  'address',
  'guard',
  'acl',
  'drop',
  'hook',
  'configuration',
  'lost',
] as const satisfies readonly EventFact['type'][];

/** Something that happened, with its number, its time, and a sentence. */
export type SwitchEvent = EventFact & {
  /** Increases, also from one run of the switch to the next. A `lost` has that of the last event that is missing. */
  seq: number;
  /** ISO 8601, UTC. */
  time: string;
  /** One sentence for people. */
  message: string;
  /** Whose the port is that it is about, where ports have tenants. */
  tenant?: string;
};

/** Events that match in all that is said. */
export interface EventFilter {
  types?: readonly string[];
  bridge?: string;
  port?: string;
}

/** Whether a reader wants it. `lost` is for everybody. */
export function matchesEvent(event: SwitchEvent, { types, bridge, port }: EventFilter): boolean {
  if (event.type === 'lost') return true;
  if (types !== undefined && !types.includes(event.type)) return false;
  if (bridge === undefined && port === undefined) return true;
  if (event.type === 'configuration') return event.actions.some(({ path }) => concerns(path, bridge, port));
  if (event.type === 'station' && event.change === 'more') return false;
  if (bridge !== undefined && event.bridge !== bridge) return false;
  if (port === undefined) return true;
  return event.type === 'station' ? event.from === port || event.to === port : event.port === port;
}

function concerns(path: string, bridge: string | undefined, port: string | undefined): boolean {
  const words = parsePath(path);
  return (
    (bridge === undefined || words[1] === bridge) &&
    (port === undefined || (words[2] === 'ports' && words[3] === port))
  );
}

/** Which events a subscription brings, and from where on. */
export interface SubscribeOptions extends EventFilter {
  /** Begin after this `seq` with what is stored; 0 = with everything stored. Default: with what comes now. */
  since?: number;
}

/** Events one after the other. Who does not take them in time loses the newest and is told how many: `lost`. */
export interface EventSubscription extends AsyncIterableIterator<SwitchEvent> {
  close(): void;
}

/** The events of one switch. */
export interface Events {
  /** What is stored, oldest first: the last thousand at most, begun by a `lost` if some after `since` are gone. */
  stored(options?: SubscribeOptions): SwitchEvent[];
  subscribe(options?: SubscribeOptions): EventSubscription;
  /** Calls `listener` for every event as it happens; the result ends that. */
  listen(listener: (event: SwitchEvent) => void): () => void;
  /** Adds what others know: the control plane's protocols. */
  add(fact: EventFact): SwitchEvent;
  /**
   * Looks for what has happened to ports and stations. While somebody subscribes that happens by itself, four times a
   * second; otherwise when you ask. `now` (ms, monotonic) replaces the clock; `digest` is that of `portsDigest` just now,
   * for callers that have it.
   */
  look(options?: { now?: number; digest?: string }): void;
}
