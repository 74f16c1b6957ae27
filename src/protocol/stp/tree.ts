// What the two protocols have in common: what they are told of a bridge and its ports, what they ask for, what they tell.
//
// Both are pure: time is an argument, in ms, and a timer is the time at which it is over.

import type { PortRole, StpTimers } from '../../api.ts';
import type { Guard } from '../../config/stp.ts';
import type { Bpdu, ParsedBpdu } from '../../wire/bpdu.ts';

export const NEVER = Number.POSITIVE_INFINITY;

/** Times in ms. */
export interface TreeBridge {
  /** Priority << 48 | address. */
  readonly id: bigint;
  readonly helloTime: number;
  readonly maxAge: number;
  readonly forwardDelay: number;
}

export interface TreePort {
  readonly name: string;
  /** Priority << 10 | number, as on Linux. */
  readonly id: number;
  readonly cost: number;
  /** `auto`: whoever says nothing for a while is no bridge. */
  readonly edge: boolean | 'auto';
  readonly pointToPoint: boolean;
  readonly guard: ReadonlySet<Guard>;
  readonly isUp: boolean;
}

/** `blocking` is all that neither learns nor forwards. */
export type TreeState = 'blocking' | 'learning' | 'forwarding';

/** What a tree asks for, in this order. */
export interface TreeOutput {
  send(port: string, bpdu: ParsedBpdu): void;
  /** Calls `settled` once no frame goes by the state before. */
  setState(port: string, state: TreeState, settled: (now: number) => void): void;
  /** Forgets what was learned on the port, after all states asked for before. */
  flush(port: string): void;
  topologyChanged(port: string): void;
}

/** Who is heard on a port, or what is said there. */
export interface Vector {
  readonly root: bigint;
  readonly cost: number;
  readonly bridge: bigint;
  readonly port: number;
}

export interface TreePortView {
  readonly role: PortRole;
  readonly state: TreeState | 'listening' | 'disabled';
  readonly designated: Vector;
  readonly isEdge: boolean;
  /** RSTP: whether it speaks RSTP here. */
  readonly isRapid: boolean;
  /** A guard that holds it back, or `disputed`: its neighbour does not hear it. */
  readonly heldBy?: 'root' | 'loop' | 'disputed';
  readonly configPending: boolean;
  readonly topologyChangeAck: boolean;
  readonly timers: Pick<StpTimers, 'messageAge' | 'forwardDelay' | 'hold'>;
}

export interface TreeView {
  readonly root: bigint;
  readonly rootPathCost: number;
  readonly rootPort: string | undefined;
  /** In force, the root's; ms. */
  readonly maxAge: number;
  readonly helloTime: number;
  readonly forwardDelay: number;
  readonly topologyChange: boolean;
  readonly topologyChangeDetected: boolean;
  readonly timers: Pick<StpTimers, 'hello' | 'tcn' | 'topologyChange'>;
}

export interface Tree {
  setBridge(bridge: TreeBridge, now: number): void;
  /** The ports that there are from now on. */
  setPorts(ports: readonly TreePort[], now: number): void;
  receive(port: string, bpdu: ParsedBpdu, now: number): void;
  /** Does what is due. */
  tick(now: number): void;
  /** When something will be. */
  deadline(): number;
  view(now: number): TreeView;
  portView(port: string, now: number): TreePortView | undefined;
}

/** Negative: `a` is better. Clause 17.6: less is better in every part, the first that differs decides. */
export function compareVectors(a: Vector, b: Vector): number {
  if (a.root !== b.root) return a.root < b.root ? -1 : 1;
  if (a.cost !== b.cost) return a.cost - b.cost;
  if (a.bridge !== b.bridge) return a.bridge < b.bridge ? -1 : 1;
  return a.port - b.port;
}

const ADDRESS = 0xffff_ffff_ffffn;

/** Whether two IDs are of one bridge: a new priority makes no other bridge. */
export function isSameBridge(a: bigint, b: bigint): boolean {
  return (a & ADDRESS) === (b & ADDRESS);
}

/** What is left of a timer, s. */
export function left(until: number, now: number): number {
  return until === NEVER ? 0 : Math.max(0, until - now) / 1000;
}

/** What a bridge may be told to do, as Linux' br_set_hello_time() and its neighbours have it. */
const RANGES = {
  helloTime: [1_000, 10_000],
  maxAge: [6_000, 40_000],
  forwardDelay: [2_000, 30_000],
} as const;

/** Nobody is believed times beyond these ranges: with a forward delay of 0 a stranger's BPDU would open loops. */
export function believedTimes(bpdu: Bpdu): Omit<TreeBridge, 'id'> {
  const within = (key: keyof typeof RANGES) => Math.min(RANGES[key][1], Math.max(RANGES[key][0], bpdu[key]));
  return {
    helloTime: within('helloTime'),
    maxAge: within('maxAge'),
    forwardDelay: within('forwardDelay'),
  };
}
