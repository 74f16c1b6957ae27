// Priorities, IEEE 802.1Q clause 6.9: where a port finds those of what comes in, and how another says those of what leaves. In between a
// frame's priority is in the upper four bits of its column `tci`. In is a pass over fresh rows, out one over copies before they leave.
//
//   PCP, DSCP, or nothing -> priority, drop eligible ... classes of a shaper ... -> PCP and DEI of the tag, DSCP
//
// A copy whose DSCP is another than the frame's has headers of its own, unless nobody else has the bytes.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { dscpOut, type PriorityTable, RANK_SHIFT, RANKS, TRUST, tagOut } from '../table/priority_table.ts';
import { NO_DSCP } from '../table/qos_table.ts';
import { setDscp } from '../wire/ecn.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { VID_MASK } from '../wire/vlan.ts';
import { dscpOf, innerTci, tciOf } from './frame_class.ts';
import { l3Of } from './offload.ts';
import type { EgressPass } from './passes.ts';
import { COPY, COPY_FLAG, COPY_WORDS, type EgressQueue } from './port.ts';
import type { Topology } from './topology.ts';

const DSCPS = 64;

export class Priorities implements EgressPass {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;

  constructor(batch: FrameBatch, counters: Counters) {
    this.batch = batch;
    this.counters = counters;
  }

  /** Gives all rows, which are fresh, the priority that their ports find. */
  pass(table: PriorityTable): void {
    const { batch } = this;
    const { rows } = batch;
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      const n = table.in[rows[row + COLUMN.source]];
      if (n === 0 || rows[row + COLUMN.dest] !== 0) continue;
      if ((rows[row + COLUMN.mark] & (MARK.relayed | MARK.generated)) !== 0) continue;
      const rank = this.found(table, n, row);
      rows[row + COLUMN.tci] = (rows[row + COLUMN.tci] & VID_MASK) | (rank << RANK_SHIFT);
      rows[row + COLUMN.mark] |= MARK.ranked;
    }
  }

  private found({ trust, fallback, pcps, dscps }: PriorityTable, n: number, row: number): number {
    const { batch } = this;
    const { rows } = batch;
    if (trust[n] === TRUST.dscp) {
      const dscp = dscpOf(batch, row);
      return dscp === NO_DSCP ? fallback[n] : dscps[n * DSCPS + dscp];
    }
    if (trust[n] === TRUST.none) return fallback[n];
    const isStripped = rows[row + COLUMN.rest] !== rows[row + COLUMN.start] + MACS_LEN;
    const tci = isStripped ? rows[row + COLUMN.tci] : innerTci(batch, row);
    return tci < 0 ? fallback[n] : pcps[n * RANKS + (tci >>> RANK_SHIFT)];
  }

  copies({ priorities: table }: Topology, queue: EgressQueue, from: number): void {
    if (table === null) return;
    const { copies } = queue;
    let kept = from * COPY_WORDS;
    for (let at = kept; at < queue.count * COPY_WORDS; at += COPY_WORDS) {
      const port = copies[at + COPY.hop] & PORT_MASK;
      const n = table.out[port];
      if (n !== 0 && (copies[at + COPY.flags] & COPY_FLAG.mirrored) === 0) {
        const tag = copies[at + COPY.tag];
        if (tag !== 0) copies[at + COPY.tag] = tagOut(table, n, tag);
        const row = this.rewritten(table, n, copies[at + COPY.row]);
        if (row < 0) {
          this.counters.drops.count(copies[at + COPY.row], port, DROP.queue_full);
          continue;
        }
        copies[at + COPY.row] = row;
      }
      if (kept !== at) for (let k = 0; k < COPY_WORDS; k++) copies[kept + k] = copies[at + k];
      kept += COPY_WORDS;
    }
    queue.count = kept / COPY_WORDS;
    queue.passed = queue.count;
  }

  /** A row with the DSCP of its priority: itself, or one for this copy; -1 = there were too many in this poll. */
  private rewritten(table: PriorityTable, n: number, row: number): number {
    const { batch } = this;
    const { rows } = batch;
    const before = dscpOf(batch, row);
    if (before === NO_DSCP) return row;
    const dscp = dscpOut(table, n, tciOf(batch, row), before);
    if (dscp === before) return row;
    const isAlone = rows[row + COLUMN.dest] < DEST_DROP && (rows[row + COLUMN.mark] & MARK.shared) === 0;
    const own = isAlone ? row : batch.rewritable(row);
    if (own < 0) return own;
    const l3 = l3Of(batch, own);
    const at = rows[own + COLUMN.rest] - MACS_LEN + l3;
    // Behind so many tags that the header is not among the row's own bytes, a packet stays as it is.
    if (l3 + ipv4.HEADER_LEN <= batch.headLength(own)) setDscp(batch.view, at, dscp);
    return own;
  }
}
