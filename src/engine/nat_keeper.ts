// What NAT needs beside its two passes: the memory of connections, which comes with a topology and outlives others, and the sweeper,
// which is the leader's. Nothing is made before the first rule.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { Connections } from '../table/connections.ts';
import { moveConnections } from '../table/connections_move.ts';
import type { NatTable } from '../table/nat_table.ts';
import { ConnectionSweeper } from './connection_sweeper.ts';
import { Nat } from './nat.ts';
import type { NatHook } from './nat_hook.ts';

export class NatKeeper {
  /** Null while nothing is translated. */
  hook: NatHook | null = null;
  private connections: Connections | null = null;
  private memory: SharedArrayBuffer | null = null;
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  private readonly isFollower: boolean;
  private readonly seed: number;
  private readonly sweeper = new ConnectionSweeper();

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

  get isBehind(): boolean {
    return this.sweeper.isBehind;
  }

  sweep(clock: Float64Array): void {
    if (this.connections !== null && !this.isFollower) this.sweeper.sweep(this.connections, clock);
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
