// What NAT needs beside its two passes: the memory of connections, which comes with a topology and outlives others, and the sweeper,
// which is the leader's. Nothing is made before the first rule.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { Connections } from '../table/connections.ts';
import { moveConnections } from '../table/connections_move.ts';
import type { NatTable } from '../table/nat_table.ts';
import { Nat } from './nat.ts';
import type { NatHook } from './nat_hook.ts';

/** The sweeper comes around in this time, in ms. */
const SWEEP_PERIOD = 2000;
/** How often it does a share of that, in ms. */
const SWEEP_INTERVAL = 100;
/** Most connections that it looks at in one poll, if none of them is over: 10 us. Else 250 that end: 0.2 ms. */
const SWEEP_BUDGET = 16_384;

export class NatKeeper {
  /** Null while nothing is translated. */
  hook: NatHook | null = null;
  private connections: Connections | null = null;
  private memory: SharedArrayBuffer | null = null;
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  private readonly isFollower: boolean;
  private readonly seed: number;
  private readonly swept = new Float64Array(1);
  /** Connections that the sweeper should have looked at by now. */
  private unswept = 0;

  /** @param isFollower another engine is the leader */
  constructor(batch: FrameBatch, clock: Float64Array, seed: number, isFollower: boolean) {
    this.batch = batch;
    this.clock = clock;
    this.seed = seed | 1;
    this.isFollower = isFollower;
  }

  /** Puts other rules in force. The leader ends connections whose rule is gone, while others stand still. */
  load(table: NatTable | null): void {
    if (table === null) {
      this.hook = null;
      this.connections = null;
      this.memory = null;
      return;
    }
    if (table.memory !== this.memory) this.use(table);
    else if (this.connections !== null) {
      this.connections.configure(table);
      if (!this.isFollower) endOrphans(this.connections, table);
    }
  }

  private use(table: NatTable): void {
    const old = this.connections;
    const connections = new Connections(table.memory, table);
    this.memory = table.memory;
    this.connections = connections;
    this.hook = new Nat(this.batch, connections, this.clock, this.seed);
    if (old === null || this.isFollower) return;
    endOrphans(old, table);
    moveConnections(old, connections);
  }

  /** Whether the sweeper wants to go on soon. */
  get isBehind(): boolean {
    return this.unswept > 0;
  }

  /** Does a share of the sweeper's work if it is time to; `clock[0]` is now. */
  sweep(clock: Float64Array): void {
    const { connections, swept } = this;
    if (connections === null || this.isFollower) return;
    if (clock[0] - swept[0] >= SWEEP_INTERVAL) {
      const share = Math.min(1, (clock[0] - swept[0]) / SWEEP_PERIOD);
      swept[0] = clock[0];
      const { high } = connections.flows;
      this.unswept = connections.used === 0 ? 0 : Math.min(high, this.unswept + Math.ceil(high * share));
    }
    if (this.unswept === 0) return;
    this.unswept -= connections.sweep(Math.floor(clock[0] / 1000), this.unswept, SWEEP_BUDGET);
  }
}

/** Ends connections of routers that translate no more, and of rules that are gone. */
function endOrphans(connections: Connections, { first, id }: NatTable): void {
  const zones = first.length - 1;
  const isKnown = new Uint8Array(Math.max(0, ...id) + 1);
  for (const rule of id) isKnown[rule] = 1;
  connections.endWhere((zone, rule) =>
    rule === 0 ? zone >= zones || first[zone] === first[zone + 1] : isKnown[rule] !== 1,
  );
}
