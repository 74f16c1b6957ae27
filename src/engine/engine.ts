// One poll: receive -> classify -> search -> learn -> decide -> replicate -> transmit.
//
// The engine owns the batch and the FDB, and knows devices only as sources and sinks. It has no clock, no thread and
// no I/O of its own: the worker drives it in a loop, and tests and embedders call `poll` themselves.

import { FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { tickAt } from '../table/fdb.ts';
import { FdbKeeper, type FdbOptions } from './fdb_keeper.ts';
import { Pmtu } from './pmtu.ts';
import { EgressQueue, type Sink, type Source } from './port.ts';
import { createReplicate, type Replicate } from './replicate.ts';
import { createStages, type Stages } from './stages.ts';
import type { Topology } from './topology.ts';

/** Frames per poll: one native burst. Larger batches gain nothing once system calls dominate. */
const BATCH = 64;
/** Room for headers and segments that sinks build; a 64 KiB super-frame in 1,388-byte segments needs 70 KiB. */
const AUX = 512 * 1024;
/** Copies held for one sink before it is drained in the middle of a poll. */
const QUEUE = 512;
export class Engine {
  readonly batch = new FrameBatch(BATCH, AUX);
  /** One word: now, a monotonic time in ms. In an array, because a fraction in a field or an argument is a heap object. */
  readonly clock = new Float64Array(1);
  readonly counters: Counters;
  private readonly pmtu: Pmtu;
  private readonly keeper: FdbKeeper;
  private readonly stages: Stages;
  private readonly replicate: Replicate;
  private topology: Topology;
  private readonly sources: Source[] = [];
  private firstSource = 0;
  /** The batch was received and not yet classified. */
  private isFresh = false;
  /** One for each sink. */
  private readonly queues: EgressQueue[] = [];
  /** Those of the sinks that hold frames back. */
  private wrappers: Pick<Required<Sink>, 'service' | 'deadline'>[] = [];
  /** By port index; undefined = no device. */
  private readonly queueOf: (EgressQueue | undefined)[];
  /** One word: when a sink wants to be serviced next, in ms; Infinity = never. */
  readonly deadline = new Float64Array([Number.POSITIVE_INFINITY]);

  constructor(options: FdbOptions) {
    this.counters = options.counters;
    this.topology = options.topology;
    this.pmtu = new Pmtu(this.batch, this.counters, this.clock);
    this.queueOf = new Array(MAX_PORTS).fill(undefined);
    this.stages = createStages(this.batch, this.counters);
    this.replicate = createReplicate(this.batch, this.counters, this.queueOf, this.pmtu);
    this.keeper = new FdbKeeper(options);
  }

  addSource(source: Source): void {
    this.sources.push(source);
  }

  removeSource(source: Source): void {
    const at = this.sources.indexOf(source);
    if (at >= 0) this.sources.splice(at, 1);
    this.firstSource = 0;
  }

  /** Frames for `port` go to `sink`; many ports may share one. */
  attach(port: number, sink: Sink): void {
    let queue = this.queues.find((queue) => queue.sink === sink);
    if (queue === undefined) {
      queue = new EgressQueue(sink, QUEUE);
      this.queues.push(queue);
      if (sink.service !== undefined && sink.deadline !== undefined)
        this.wrappers.push(sink as Required<Sink>);
    }
    this.queueOf[port] = queue;
  }

  detach(port: number): void {
    const queue = this.queueOf[port];
    this.queueOf[port] = undefined;
    if (queue === undefined || this.queueOf.includes(queue)) return;
    this.queues.splice(this.queues.indexOf(queue), 1);
    this.wrappers = this.wrappers.filter((sink) => sink !== queue.sink);
    this.findDeadline();
  }

  /** Fills the batch unless the last poll left something in it. Sleeps at most `timeoutMs`, if nothing is there. */
  receive(timeoutMs: number): void {
    const { batch, sources } = this;
    if (batch.next < batch.count) {
      for (let n = 0; n < sources.length; n++) sources[n].look?.();
      return;
    }
    batch.clear();
    // A sweeper that is behind goes on soon.
    let patience = this.keeper.isBehind ? Math.min(1, timeoutMs) : timeoutMs;
    for (let n = 0; n < sources.length && patience > 0; n++) {
      if (sources[n].isReady?.() === true) patience = 0;
    }
    // Each poll starts with another source, so that a busy one cannot take every slot of every batch.
    for (let n = 0; n < sources.length && batch.free > 0; n++) {
      const source = sources[(this.firstSource + n) % sources.length];
      source.receive(batch, batch.free, batch.used === 0 ? patience : 0);
    }
    if (sources.length > 0) this.firstSource = (this.firstSource + 1) % sources.length;
    this.isFresh = true;
  }

  /** Forwards what `receive` brought. The time is that of `clock`. */
  forward(): void {
    const { batch, clock, keeper } = this;
    if (batch.count > 0) {
      if (this.isFresh) {
        this.stages.run(this.topology, keeper.fdb, tickAt(clock[0]));
        this.isFresh = false;
      }
      this.replicate(this.topology);
    }
    if (this.wrappers.length > 0) this.service();
    if (batch.count > 0 || this.wrappers.length > 0) this.drain();
    if (this.wrappers.length > 0) this.findDeadline();
    keeper.sweep(clock);
  }

  /** `receive` and `forward` in one, for a loop that does not sleep here. `now` is a monotonic time in ms. */
  poll(now: number): void {
    this.clock[0] = now;
    this.receive(0);
    this.forward();
  }

  /** Copies of the current batch still to be made: `receive` will not wait. */
  get isBusy(): boolean {
    return this.batch.next < this.batch.count;
  }

  /**
   * Puts another topology in force, see FdbKeeper.swap; frames that wait are decided again. Where engines share an FDB,
   * the others stand still meanwhile, and do the same before they go on.
   */
  swap(topology: Topology, isHop: ((hop: number) => boolean) | null = null, table?: SharedArrayBuffer): void {
    const { keeper, clock } = this;
    this.topology = topology;
    if (keeper.isFollower) keeper.follow(topology, table);
    else keeper.swap(topology, isHop, table, clock[0]);
    if (this.isBusy && !this.isFresh) this.stages.decideAgain(topology, keeper.fdb, tickAt(clock[0]));
  }

  /** Forgets learned entries that match; 0 matches everything. Returns how many. */
  flush(domains: ReadonlySet<number> | null, port: number, hi: number, lo: number): number {
    return this.keeper.fdb.flush(
      (domain, hop, entryHi, entryLo, flags) =>
        flags === 0 &&
        (domains === null || domains.has(domain)) &&
        (port === 0 || (hop & PORT_MASK) === port) &&
        ((hi === 0 && lo === 0) || (entryHi === hi && entryLo === lo)),
    );
  }

  /** See `Fdb.read`. */
  readFdb(from: number, out: Int32Array): { next: number; entries: number } {
    return this.keeper.fdb.read(from, tickAt(this.clock[0]), out);
  }

  private service(): void {
    for (let n = 0; n < this.wrappers.length; n++) this.wrappers[n].service(this.batch, this.clock);
  }

  /** Empties all queues, then sends what was emitted. */
  private drain(): void {
    const { batch, queues } = this;
    for (let n = 0; n < queues.length; n++)
      if (queues[n].count > 0) queues[n].sink.transmit(batch, queues[n]);
    for (let n = 0; n < queues.length; n++) queues[n].sink.flush?.(batch);
    batch.madeCount = 0;
    this.pmtu.clear();
  }

  private findDeadline(): void {
    const { deadline, wrappers } = this;
    deadline[0] = Number.POSITIVE_INFINITY;
    for (let n = 0; n < wrappers.length; n++) deadline[0] = Math.min(deadline[0], wrappers[n].deadline[0]);
  }
}
