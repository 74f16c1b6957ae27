// What tenants may be sent together, in shared memory: a clock for each, when another byte may go to any of its ports, as a port has it
// (shaper.ts); and for each worker how many of its ports wait for the tenant, and how much each has had of late.
//
//   slot:  | next | lock | ... |  waiting, virtual, seen of worker 1 | of worker 2 | ... |      numbers of 64 bits; a lock is two words

import { Lock, releaseLock, takeLock } from './lock.ts';

/** What may leave at once after a pause, ms. */
const BURST = 5;
/** Bytes that a port of one worker may be ahead of those of another, and at most is: later others get more for so long. */
const SLACK = 3028;
const MOST_AHEAD = 65_536;
/** A worker that has not looked for so long does not run, ms, as on a busy machine: others do not let it go first. */
const PATIENCE = 20;
const MAX_SHARING = 16;
const NEXT = 0;
/** In words. */
const LOCK = 2;
const FIRST_WORKER = 8;
/** Of a worker: its ports that wait, what each has had, and when it looked. */
const WORKER_FLOATS = 3;
const SLOT_FLOATS = FIRST_WORKER + WORKER_FLOATS * MAX_SHARING;

export interface TenantShapes {
  /** By row of the table of settings: the slot of the port's tenant, 0 = it has no rate. */
  readonly slots: Uint16Array;
  /** By slot: ms that a byte takes. */
  readonly costs: Float64Array;
  readonly memory: SharedArrayBuffer;
}

export class TenantClocks {
  readonly memory: SharedArrayBuffer;
  private readonly floats: Float64Array;
  private readonly words: Int32Array;
  private readonly isShared: boolean;
  private readonly workers: number;
  /** This one's, counted from 0. */
  private readonly worker: number;

  constructor(memory: SharedArrayBuffer, worker: number, workers: number) {
    this.memory = memory;
    this.floats = new Float64Array(memory);
    this.words = new Int32Array(memory);
    this.worker = worker;
    this.workers = Math.min(workers, MAX_SHARING);
    this.isShared = workers > 1;
  }

  static allocate(slots: number): SharedArrayBuffer {
    return new SharedArrayBuffer(slots * SLOT_FLOATS * 8);
  }

  isOpen(slot: number, clock: Float64Array): boolean {
    return this.floats[slot * SLOT_FLOATS + NEXT] <= clock[0];
  }

  /** Writes to `at[0]` when the tenant is open. */
  when(slot: number, at: Float64Array): void {
    at[0] = this.floats[slot * SLOT_FLOATS + NEXT];
  }

  /** `wire` bytes went to one of its ports, for which the rate counts from `since[0]` on. `costs` by slot. */
  charge(slot: number, wire: number, costs: Float64Array, since: Float64Array, clock: Float64Array): void {
    const { floats, words, isShared } = this;
    const at = slot * SLOT_FLOATS;
    if (isShared) takeLock(words, 2 * at + LOCK);
    const from = Math.min(since[0], clock[0] - BURST);
    floats[at + NEXT] = Math.max(floats[at + NEXT], from) + wire * costs[slot];
    const own = this.own(slot);
    if (isShared && floats[own] > 0)
      floats[own + 1] = Math.min(floats[own + 1] + wire / floats[own], this.least(slot) + MOST_AHEAD);
    if (isShared) releaseLock(words, 2 * at + LOCK);
  }

  /** So many ports of this worker wait for the tenant. Who did not wait has saved nothing up. */
  wait(slot: number, ports: number): void {
    if (!this.isShared) return;
    const { floats } = this;
    const own = this.own(slot);
    const least = this.least(slot);
    if (floats[own] === 0 && ports > 0 && least !== Number.POSITIVE_INFINITY)
      floats[own + 1] = Math.max(floats[own + 1], least);
    floats[own] = ports;
  }

  /** Whether ports of another worker have had less, and wait: they go first. */
  isAhead(slot: number, clock: Float64Array): boolean {
    if (!this.isShared) return false;
    const { floats, worker, workers } = this;
    const own = this.own(slot);
    floats[own + 2] = clock[0];
    for (let n = 0; n < workers; n++) {
      const at = slot * SLOT_FLOATS + FIRST_WORKER + WORKER_FLOATS * n;
      if (n === worker || floats[at] === 0 || floats[at + 2] < clock[0] - PATIENCE) continue;
      if (floats[own + 1] > floats[at + 1] + SLACK) return true;
    }
    return false;
  }

  /** Of the other workers whose ports wait, what those have had that had least; Infinity = none waits. */
  private least(slot: number): number {
    const { floats, worker, workers } = this;
    let least = Number.POSITIVE_INFINITY;
    for (let n = 0; n < workers; n++) {
      const at = slot * SLOT_FLOATS + FIRST_WORKER + WORKER_FLOATS * n;
      if (n !== worker && floats[at] > 0) least = Math.min(least, floats[at + 1]);
    }
    return least;
  }

  private own(slot: number): number {
    return slot * SLOT_FLOATS + FIRST_WORKER + WORKER_FLOATS * this.worker;
  }
}

export function tenantLocks({ costs, memory }: TenantShapes): Lock[] {
  const words = new Int32Array(memory);
  return Array.from(costs, (_, slot) => new Lock(words, 2 * slot * SLOT_FLOATS + LOCK));
}
