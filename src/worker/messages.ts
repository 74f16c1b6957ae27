// What the control plane asks of the data plane, and its answers. The same values travel by a function call when the
// engine runs inline, and by postMessage when it runs in a thread.

import type { CaptureSpec } from '../engine/capture.ts';
import type { FollowedFrame, FollowFilter } from '../engine/follower.ts';
import type { HookFactory, HookNews, HookPlace } from '../engine/hook.ts';
import type { Topology } from '../engine/topology.ts';
import type { AddedVtep, DeviceSpec } from '../port/spec.ts';
import type { Giver } from '../table/fdb.ts';
import type { RemoteRow } from '../table/remotes.ts';

/**
 * One reconfiguration, carried out between two polls. What is removed may be closed once it is answered. A device that
 * cannot be added is a step of its own: it is undone and reported, and everything else is in force.
 */
export interface Change {
  topology: Topology;
  removedPorts: number[];
  /** VTEP sockets to stop receiving from. */
  removedVteps: number[];
  addedVteps: AddedVtep[];
  added: DeviceSpec[];
  /** All configured remotes; null = as before, and no port went. */
  remotes: RemoteRow[] | null;
  /** Several workers: ports of `added` that this one receives from. Every worker sends to all ports. */
  reads?: number[];
  /** Several workers: other memory for the FDB, if its size changes or some worker may not have the latest. */
  table?: SharedArrayBuffer;
}

export type Request =
  | { kind: 'change'; change: Change }
  /** Take devices out again that another worker could not take in. */
  | { kind: 'remove'; ports: number[] }
  /** The socket of a port, from now on; `fd` -1 = none: what it had may be closed once it is answered. */
  | { kind: 'connect'; port: number; fd: number }
  /** Stand still while the first worker does something alone. */
  | { kind: 'stand' }
  /** `domains` null, `port` 0 and a zero MAC match everything. */
  | { kind: 'flush'; domains: number[] | null; port: number; hi: number; lo: number }
  /** Give up the remotes of a port that were not heard for longest. Frames that wait put it off until the next time. */
  | { kind: 'make_room'; port: number }
  /** A page of the FDB from slot `from` on: see Fdb.read. */
  | { kind: 'read'; from: number }
  /** Answered once no frame goes by what a port's state was before. */
  | { kind: 'barrier' }
  /** A list of Lists: no members = it is removed. */
  | { kind: 'list'; row: number; members: number[]; isByFlow: boolean }
  /** Changes of Groups, see there. */
  | { kind: 'groups'; changes: Int32Array }
  | { kind: 'capture'; spec: CaptureSpec }
  | { kind: 'end_capture'; id: number }
  /** Where the last drops are. */
  | { kind: 'last_drops' }
  /** Entries as they are, of keys of three words: see Engine.inspect. Changes nothing, and nobody stands still. */
  | { kind: 'lookup'; keys: Int32Array }
  /** Keep the next `limit` frames that match, until they are asked for the last time. */
  | { kind: 'follow'; id: number; filter: FollowFilter; limit: number }
  | { kind: 'followed'; id: number; isLast: boolean }
  /** Load these, which are not known yet. Takes its time: see HookLoader. */
  | { kind: 'load_hooks'; hooks: HookSpec[] }
  /** Forget all hooks but these, and turn off some of them. */
  | { kind: 'keep_hooks'; ids: number[]; off: number[] }
  | { kind: 'stop' };

/** A hook to load: from a module, or inline from a function. */
export interface HookSpec extends HookPlace {
  url?: string;
  factory?: HookFactory;
  options: Record<string, unknown>;
  /** Why it cannot be had at all. */
  problem?: string;
}

/** A learned remote, of which the control plane knows only the row. */
export interface RemoteAddress {
  row: number;
  address: Int32Array;
}

export interface Page {
  kind: 'page';
  /** Five words each: see Fdb.read. */
  entries: Int32Array;
  /** Slot to go on from, -1 at the end. */
  next: number;
  /** Learned remotes that the entries name. */
  remotes: RemoteAddress[];
}

/** A list of Lists that an entry or a frame names as its destination. */
export interface ListContent {
  row: number;
  members: number[];
  isByFlow: boolean;
}

export interface Found {
  kind: 'found';
  tick: number;
  /** Four words for each key: see Fdb.inspect. */
  entries: Int32Array;
  /** By key: whether it is known or could be learned. */
  rooms: boolean[];
  /** By key, what would give way if its bridge is full: see Fdb.giverOf. */
  givers: Giver[];
  remotes: RemoteAddress[];
  lists: ListContent[];
}

export interface Followed {
  kind: 'followed';
  frames: FollowedFrame[];
  remotes: RemoteAddress[];
  lists: ListContent[];
}

/** An added device that the data plane could not take: nothing of it is left there, and its descriptor may be closed. */
export interface Failed {
  port: number;
  message: string;
}

export type Answer =
  /** `failed`: of a change. */
  | { kind: 'done'; failed: Failed[] }
  | { kind: 'flushed'; count: number }
  /** Those of `load_hooks` that are off, and why. */
  | { kind: 'loaded'; failed: { id: number; message: string }[] }
  /** Memory of `LastDrops`, of each worker that dropped something. */
  | { kind: 'last_drops'; memories: SharedArrayBuffer[] }
  | Page
  | Found
  | Followed;

/**
 * Unasked: a port's device died, nobody is at the other end of its socket any more, it refused frames because it is full, the kernel refuses to segment
 * (UDP_SEGMENT) for a VXLAN port, such a port has all the remotes that it may learn, and there is another one, a port did
 * what its controls do not allow, or a hook says something.
 */
export interface News {
  kind: 'gone' | 'refused' | 'full' | 'unsegmented' | 'crowded' | 'alarm' | 'hook';
  port: number;
  /** Of an alarm: ALARM. */
  errno: number;
  hook?: HookNews;
}

export interface Envelope<T> {
  id: number;
  body: T;
}

/** What a worker has in common with the others, where there are several. */
export interface Team {
  /** 0 is the first worker, which keeps the FDB and the remotes, and receives for all tunnels. */
  index: number;
  workers: number;
  /** Memory of the first worker's counters: the gauges. */
  gauges: ArrayBufferLike;
  remotes: SharedArrayBuffer;
  /** See Paths. */
  paths: SharedArrayBuffer;
  barrier: SharedArrayBuffer;
  /** The FDB at the start. */
  table: SharedArrayBuffer;
  neighbours: SharedArrayBuffer;
}

/** Memory of the rings between a worker and the host. */
export interface HostRings {
  toHost: SharedArrayBuffer;
  fromHost: SharedArrayBuffer;
}

/** First message to a thread. */
export interface ThreadData {
  counters: ArrayBufferLike;
  maxBridges: number;
  topology: Topology;
  seed: Int32Array;
  wakeFd: number;
  /** One word, which becomes 1 when the thread is done with native code. */
  ended: Int32Array;
  host: HostRings;
  neighbours: SharedArrayBuffer;
  team: Team | undefined;
}
