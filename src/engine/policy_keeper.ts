// What security groups need beside their stage and gate: the memory of connections, which comes with a topology and outlives others,
// and the sweeper, which is the leader's. Nothing is made before the first group.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { Connections } from '../table/connections.ts';
import { moveConnections } from '../table/connections_move.ts';
import type { Counters } from '../table/counters.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import { ConnectionSweeper } from './connection_sweeper.ts';
import { Policy } from './policy.ts';
import { createKnown, type Known } from './policy_known.ts';
import { createPolicyRows, forgetRows, type PolicyRows } from './policy_rows.ts';
import { forgetWindows } from './tcp_window.ts';

export class PolicyKeeper {
  /** Null while no port is in a group. */
  policy: Policy | null = null;
  private connections: Connections | null = null;
  private memory: SharedArrayBuffer | null = null;
  private isStrict = false;
  /** Made once: see stages.ts. */
  private known: Known | null = null;
  private rows: PolicyRows | null = null;
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly clock: Float64Array;
  private readonly isFollower: boolean;
  private readonly seed: number;
  private readonly sweeper = new ConnectionSweeper();

  /** @param isFollower another engine is the leader */
  constructor(batch: FrameBatch, counters: Counters, clock: Float64Array, seed: number, isFollower: boolean) {
    this.batch = batch;
    this.counters = counters;
    this.clock = clock;
    this.seed = seed | 1;
    this.isFollower = isFollower;
  }

  /** Puts other rules in force. The leader ends connections of domains without groups, while others stand still. */
  load(table: PolicyTable | null): void {
    if (table === null) {
      this.policy = null;
      this.connections = null;
      this.memory = null;
      return;
    }
    if (table.memory !== this.memory) this.use(table);
    else if (this.connections !== null) {
      if (!this.isFollower && table.isStrict && !this.isStrict) forgetWindows(this.connections);
      this.isStrict = table.isStrict;
      this.policy?.load(table);
      this.connections.configure(table);
      if (!this.isFollower) endOrphans(this.connections, table);
    }
  }

  private use(table: PolicyTable): void {
    const old = this.connections;
    const wasStrict = this.isStrict;
    this.isStrict = table.isStrict;
    const connections = new Connections(table.memory, table);
    this.memory = table.memory;
    this.connections = connections;
    this.rows ??= createPolicyRows(this.batch);
    this.known ??= createKnown(this.batch, this.rows);
    forgetRows(this.rows, this.batch);
    const { batch, counters, clock, seed, rows, known } = this;
    this.policy = new Policy(batch, counters, connections, table, clock, seed, rows, known);
    if (old === null || this.isFollower) return;
    endOrphans(old, table);
    moveConnections(old, connections);
    if (!wasStrict) forgetWindows(connections);
  }

  get isBehind(): boolean {
    return this.sweeper.isBehind;
  }

  sweep(clock: Float64Array): void {
    if (this.connections !== null && !this.isFollower) this.sweeper.sweep(this.connections, clock);
  }
}

function endOrphans(connections: Connections, { domains }: PolicyTable): void {
  connections.endWhere((zone) => domains[zone] !== 1);
}
