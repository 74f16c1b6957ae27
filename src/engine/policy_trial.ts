// Security groups for a dry run: it knows the connections that there are, opens new ones in memory of its own, which is forgotten, and
// notes which rules were asked, and what they said.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { Connections } from '../table/connections.ts';
import { copyConnection } from '../table/connections_move.ts';
import type { Counters } from '../table/counters.ts';
import { GroupQuota } from '../table/group_quota.ts';
import { KEY, KEY_WORDS } from '../table/line_search.ts';
import { firstOf, pairOf } from '../table/line_table.ts';
import type { GroupLimits, PolicyTable } from '../table/policy_table.ts';
import { Policy } from './policy.ts';
import { createPolicyRows } from './policy_rows.ts';

/** More than a frame could open, however often it is routed. */
const ROOM = 64;

/** What was asked about a frame. */
export interface PolicyNote {
  /** The port whose rules they are. */
  port: number;
  /** Of what it gets, or of what it sends. */
  side: 'in' | 'out';
  /** UNASKED, or 0: none fits. */
  rule: number;
}

export class PolicyTrial extends Policy {
  readonly notes: PolicyNote[] = [];
  /** Whether its frame is of a connection that is there. */
  isKnown = false;
  private readonly behind: Connections;

  constructor(batch: FrameBatch, counters: Counters, clock: Float64Array, table: PolicyTable) {
    const memory = Connections.allocate(ROOM, Connections.seedOf(table.memory), true);
    super(batch, counters, new Connections(memory, table), table, clock, 1, createPolicyRows(batch));
    this.behind = new Connections(table.memory, table);
    this.quota = new GroupQuota(this.behind);
    this.quota.load(ownCounts(table.groupLimits));
  }

  protected override seek(from: number, to: number): void {
    for (let place = from; place < to; place++) this.borrow(place);
    super.seek(from, to);
  }

  protected override noted(port: number, side: 'in' | 'out', rule: number): void {
    this.notes.push({ port, side, rule });
  }

  /** The connection of a place's packet, as it is. */
  private borrow(place: number): void {
    const { keys } = this.packets.search;
    const k = place * KEY_WORDS;
    const { kind, ports, src, dst } = KEY;
    const { flows } = this.behind;
    const line = flows.find(keys[k + kind], keys[k + ports], keys[k + src], keys[k + dst]);
    if (line === 0 || this.find(place) !== 0) return;
    const first = firstOf(pairOf(line));
    const copy = copyConnection(this.behind, first, this.connections, 0);
    if (copy > 0) this.isKnown = true;
  }
}

/** What a trial opens does not count for others. */
function ownCounts(limits: GroupLimits | null): GroupLimits | null {
  if (limits === null) return null;
  return { ...limits, counts: limits.counts.slice(), countedAt: limits.countedAt.slice() };
}
