// Policing, RFC 2698: what is more than a port may send or receive is dropped, or marked. In is a pass over fresh rows before their
// sources are learned, out a pass over copies before they leave. What the control plane says is not policed, nor what hooks say as it comes in.
//
//   frame, or copy -> bytes or frames on the wire -> meter -> green | yellow: passes, DEI, or is dropped | red: dropped

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { Lock } from '../table/lock.ts';
import { GREEN, METER, METER_FLAG, METER_WORDS, meter, YELLOW } from '../table/meter.ts';
import {
  DIRECTION,
  LIST_WORDS,
  NO_POLICER,
  type PolicerLists,
  PolicerState,
  type PolicerTable,
} from '../table/policer_table.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { DEI } from './dei.ts';
import { classOf } from './frame_class.ts';
import { segmentsOf } from './offload.ts';
import type { EgressPass } from './passes.ts';
import { COPY, COPY_FLAG, COPY_WORDS, type EgressQueue } from './port.ts';
import type { Topology } from './topology.ts';
import { wireBytes } from './wire_bytes.ts';

/** What becomes of a frame, beside passing as it is. */
export const PASSES = 0;
const IS_MARKED = 1;
const IS_DROPPED = 2;

export class Policers implements EgressPass {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly clock: Float64Array;
  private state: PolicerState | null = null;
  /** By port, and behind those by tenant and by policer of a list, of those that were needed. */
  private locks: (Lock | undefined)[] = [];

  constructor(batch: FrameBatch, counters: Counters, clock: Float64Array) {
    this.batch = batch;
    this.counters = counters;
    this.clock = clock;
  }

  load(table: PolicerTable | null): void {
    if (table === null || table.memory === this.state?.memory) return;
    this.state = new PolicerState(table.memory);
    this.locks = [];
  }

  /** Looks at all rows, which are fresh: one worker receives from a port, so nobody else counts. */
  pass(table: PolicerTable): void {
    const { batch, state } = this;
    const { rows } = batch;
    if (state === null) return;
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      const port = rows[row + COLUMN.source];
      const policer = table.in[port];
      const slot = table.tenants === null ? 0 : table.tenants[port];
      const list = table.lists === null ? 0 : table.lists.in[port];
      if ((policer | slot | list) === 0 || rows[row + COLUMN.dest] !== 0) continue;
      if ((rows[row + COLUMN.mark] & (MARK.relayed | MARK.generated)) !== 0) continue;
      const tagLength = rows[row + COLUMN.rest] - rows[row + COLUMN.start] - MACS_LEN;
      if ((policer | list) !== 0) {
        const fate =
          list === 0
            ? this.judge(table, policer, state, PolicerState.at(port, DIRECTION.in), row, tagLength)
            : this.judgeBy(table, table.lists as PolicerLists, list, state, DIRECTION.in, row, tagLength);
        if (fate === IS_DROPPED) rows[row + COLUMN.dest] = DEST_DROP | DROP.policed_receive;
        else if (fate === IS_MARKED) rows[row + COLUMN.tci] |= DEI;
        if (fate === IS_DROPPED) continue;
      }
      if (slot !== 0 && !this.isWithin(table, slot, state, DIRECTION.in, row, tagLength))
        rows[row + COLUMN.dest] = DEST_DROP | DROP.tenant_bandwidth_receive;
    }
  }

  /** Takes out of the queue what is too much. */
  copies({ policers: table }: Topology, queue: EgressQueue, from: number): void {
    const { state, counters } = this;
    const { copies } = queue;
    if (table === null || state === null) return;
    let kept = from * COPY_WORDS;
    for (let at = kept; at < queue.count * COPY_WORDS; at += COPY_WORDS) {
      const port = copies[at + COPY.hop] & PORT_MASK;
      const policer = table.out[port];
      const row = copies[at + COPY.row];
      const tagLength = copies[at + COPY.tag] === 0 ? 0 : TAG_LEN;
      const list = table.lists === null ? 0 : table.lists.out[port];
      const isSaid = this.isSaid(row, copies[at + COPY.flags]);
      if ((policer | list) !== 0 && !isSaid) {
        const fate =
          list === 0
            ? this.judgeLocked(table, policer, state, port, DIRECTION.out, row, tagLength)
            : this.judgeBy(table, table.lists as PolicerLists, list, state, DIRECTION.out, row, tagLength);
        if (fate === IS_DROPPED) {
          counters.drops.count(row, port, DROP.policed);
          continue;
        }
        if (fate === IS_MARKED && tagLength > 0) copies[at + COPY.tag] |= DEI;
      }
      const slot = table.tenants === null ? 0 : table.tenants[port];
      if (slot !== 0 && !isSaid && !this.isWithin(table, slot, state, DIRECTION.out, row, tagLength)) {
        counters.drops.count(row, port, DROP.tenant_bandwidth);
        continue;
      }
      if (kept !== at) for (let n = 0; n < COPY_WORDS; n++) copies[kept + n] = copies[at + n];
      kept += COPY_WORDS;
    }
    queue.count = kept / COPY_WORDS;
    queue.passed = queue.count;
  }

  /** Without its own frames a protocol takes the link for dead. What a mirror copies of them is as all that it copies. */
  private isSaid(row: number, flags: number): boolean {
    return (this.batch.rows[row + COLUMN.mark] & MARK.said) !== 0 && (flags & COPY_FLAG.mirrored) === 0;
  }

  /** Whether a frame fits the bandwidth of a tenant, whose ports other workers receive from and send to as well. */
  private isWithin(
    table: PolicerTable,
    slot: number,
    state: PolicerState,
    direction: number,
    row: number,
    tagLength: number,
  ): boolean {
    const owner = table.firstTenant + slot;
    return this.judgeLocked(table, table.slots[slot], state, owner, direction, row, tagLength) !== IS_DROPPED;
  }

  /** By the first policer of a list whose match fits. */
  protected judgeBy(
    table: PolicerTable,
    { matches, numbers, owners }: PolicerLists,
    list: number,
    state: PolicerState,
    direction: number,
    row: number,
    tagLength: number,
  ): number {
    const place = classOf(this.batch, row, matches, list);
    if (place === NO_POLICER) return PASSES;
    const at = list * LIST_WORDS + place;
    return this.judgeLocked(table, numbers[at], state, owners[at], direction, row, tagLength);
  }

  protected judgeLocked(
    table: PolicerTable,
    policer: number,
    state: PolicerState,
    owner: number,
    direction: number,
    row: number,
    tagLength: number,
  ): number {
    const lock = this.lockOf(state, owner);
    lock.take();
    const fate = this.judge(table, policer, state, PolicerState.at(owner, direction), row, tagLength);
    lock.release();
    return fate;
  }

  /** Workers send to the same ports. */
  private lockOf({ locks }: PolicerState, owner: number): Lock {
    const known = this.locks[owner];
    if (known !== undefined) return known;
    const lock = new Lock(locks, 2 * owner);
    this.locks[owner] = lock;
    return lock;
  }

  protected judge(
    table: PolicerTable,
    policer: number,
    state: PolicerState,
    s: number,
    row: number,
    tagLength: number,
  ): number {
    const { batch } = this;
    const { settings } = table;
    const at = policer * METER_WORDS;
    const flags = settings[at + METER.flags];
    const segments = Math.max(1, segmentsOf(batch, row));
    const amount = (flags & METER_FLAG.frames) !== 0 ? segments : wireBytes(batch, row, segments, tagLength);
    const colour = meter(settings, at, state.floats, s, amount, this.clock);
    if (colour === GREEN) return PASSES;
    if (colour !== YELLOW || (flags & METER_FLAG.dropYellow) !== 0) return IS_DROPPED;
    return (flags & METER_FLAG.deiYellow) !== 0 ? IS_MARKED : PASSES;
  }
}
