// The shaped ports as one worker sees them: a few words for each, and slabs and sinks, which many of them have in common. So a thousand
// ports are a thousand lines of a cache here, and no objects.

import { EgressQueue, type Sink } from '../engine/port.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import { type Region, Slab } from '../table/frame_store.ts';

/** Words of a port. */
export const SHAPED = {
  /** Where its region begins in its slab, in entries; 0 = it is not shaped. */
  at: 0,
  /** Number of its slab, and of the queue to the sink behind the shaper. */
  slab: 1,
  queue: 2,
  /** Row of the table of settings. */
  row: 3,
  /** 1 = it is among those that this worker has emptied. */
  isListed: 4,
  /** Slot of its tenant, 0 = that has no rate. */
  tenant: 5,
} as const;
export const SHAPED_WORDS = 8;

export class ShapedPorts {
  readonly words = new Int32Array(MAX_PORTS * SHAPED_WORDS);
  /** Those that no port has any more are undefined, and their numbers given again. */
  private readonly memories: (SharedArrayBuffer | undefined)[] = [];
  readonly slabs: (Slab | undefined)[] = [];
  /** To each sink one, for one copy. */
  readonly queues: (EgressQueue | undefined)[] = [];
  /** Numbers of all ports. */
  private readonly numbers = new Set<number>();

  /** Sinks behind shapers, each once. */
  get sinks(): Sink[] {
    return this.queues.flatMap((queue) => (queue === undefined ? [] : [queue.sink]));
  }

  has(port: number): boolean {
    return this.words[port * SHAPED_WORDS + SHAPED.at] !== 0;
  }

  /** Whether it is shaped there, in front of this sink. */
  isSame(port: number, { memory, at }: Region, inner: Sink): boolean {
    const { words } = this;
    const own = port * SHAPED_WORDS;
    return (
      words[own + SHAPED.at] === at &&
      this.memories[words[own + SHAPED.slab]] === memory &&
      this.innerOf(port) === inner
    );
  }

  innerOf(port: number): Sink | undefined {
    return this.has(port) ? this.queues[this.words[port * SHAPED_WORDS + SHAPED.queue]]?.sink : undefined;
  }

  add(port: number, { memory, at }: Region, inner: Sink, row: number): void {
    const { words, memories, slabs, queues } = this;
    const own = port * SHAPED_WORDS;
    const slab = place(memories, (known) => known === memory);
    if (memories[slab] === undefined) {
      memories[slab] = memory;
      slabs[slab] = new Slab(memory);
    }
    const queue = place(queues, (known) => known?.sink === inner);
    queues[queue] ??= new EgressQueue(inner, 1);
    words[own + SHAPED.at] = at;
    words[own + SHAPED.slab] = slab;
    words[own + SHAPED.queue] = queue;
    words[own + SHAPED.row] = row;
    words[own + SHAPED.isListed] = 0;
    this.numbers.add(port);
  }

  remove(port: number): void {
    const { words, memories, slabs, queues, numbers } = this;
    const own = port * SHAPED_WORDS;
    const slab = words[own + SHAPED.slab];
    const queue = words[own + SHAPED.queue];
    words.fill(0, own, own + SHAPED_WORDS);
    numbers.delete(port);
    const isUsed = (word: number, value: number) =>
      [...numbers].some((other) => words[other * SHAPED_WORDS + word] === value);
    if (!isUsed(SHAPED.slab, slab)) {
      memories[slab] = undefined;
      slabs[slab] = undefined;
    }
    if (!isUsed(SHAPED.queue, queue)) queues[queue] = undefined;
  }
}

/** Where it is, else a place that is free. */
function place<One>(list: readonly (One | undefined)[], isIt: (one: One | undefined) => boolean): number {
  const known = list.findIndex((one) => one !== undefined && isIt(one));
  if (known >= 0) return known;
  const free = list.indexOf(undefined);
  return free >= 0 ? free : list.length;
}
