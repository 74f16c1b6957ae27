// One poll: receive -> classify -> search -> learn -> decide -> replicate -> transmit.
//
// The engine owns the batch and the FDB, and knows devices only as sources and sinks. It has no clock, no thread and
// no I/O of its own: the worker drives it in a loop, and tests and embedders call `poll` themselves.

import { FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { Fdb, LOCAL, tickAt } from '../table/fdb.ts';
import { EgressQueue, type Sink, type Source } from './port.ts';
import { createReplicate, type Replicate } from './replicate.ts';
import { createStages, type Stages } from './stages.ts';
import { TooBig } from './too_big.ts';
import { type Topology, VLAN_STRIDE } from './topology.ts';

/** Frames per poll: one native burst. Larger batches gain nothing once system calls dominate. */
const BATCH = 64;
/** Room for headers and segments that sinks build; a 64 KiB super-frame in 1,388-byte segments needs 70 KiB. */
const AUX = 512 * 1024;
/** Copies held for one sink before it is drained in the middle of a poll. */
const QUEUE = 512;
/** The sweeper comes around the FDB in this time, in ms. */
const SWEEP_PERIOD = 2000;
/** How often it does a share of that, in ms. */
const SWEEP_INTERVAL = 100;
/** Most slots that it visits in one poll: 0.2 ms, or 2 ms if most of them have just expired. */
const SWEEP_SLOTS = 32_768;

/** Word of `clock`. */
const LAST_SWEEP = 1;

export interface EngineOptions {
  counters: Counters;
  topology: Topology;
  /** Four random words for the FDB's hash. */
  seed: Int32Array;
}

export class Engine {
  readonly batch = new FrameBatch(BATCH, AUX);
  /**
   * Now, a monotonic time in ms, and behind it when the sweeper last ran. In an array, because a fraction in a field or
   * an argument is a heap object.
   */
  readonly clock = new Float64Array(2);
  readonly counters: Counters;
  private readonly tooBig: TooBig;
  private readonly seed: Int32Array;
  private readonly stages: Stages;
  private readonly replicate: Replicate;
  private topology: Topology;
  private fdb: Fdb;
  private readonly sources: Source[] = [];
  private firstSource = 0;
  /** The batch was received and not yet classified. */
  private isFresh = false;
  /** One for each sink. */
  private readonly queues: EgressQueue[] = [];
  /** Those of the sinks that hold frames back. */
  private services: Required<Sink>[] = [];
  /** By port index; undefined = no device. */
  private readonly queueOf: (EgressQueue | undefined)[];
  /** When a sink wants to be serviced next, in ms; Infinity = never. */
  deadline = Number.POSITIVE_INFINITY;
  /** Slots that the sweeper should have visited by now. */
  private unswept = 0;

  constructor(options: EngineOptions) {
    this.counters = options.counters;
    this.topology = options.topology;
    this.seed = options.seed;
    this.tooBig = new TooBig(this.batch, this.counters, this.clock);
    this.queueOf = new Array(MAX_PORTS).fill(undefined);
    this.stages = createStages(this.batch, this.counters);
    this.replicate = createReplicate(this.batch, this.counters, this.queueOf, this.tooBig);
    this.fdb = this.createFdb(options.topology);
    this.addStatics();
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
      if (sink.service !== undefined) this.services.push(sink as Required<Sink>);
    }
    this.queueOf[port] = queue;
  }

  detach(port: number): void {
    const queue = this.queueOf[port];
    this.queueOf[port] = undefined;
    if (queue === undefined || this.queueOf.includes(queue)) return;
    this.queues.splice(this.queues.indexOf(queue), 1);
    this.services = this.services.filter((sink) => sink !== queue.sink);
    this.deadline = Number.POSITIVE_INFINITY;
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
    let patience = this.unswept > 0 ? Math.min(1, timeoutMs) : timeoutMs;
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
    const { batch, clock } = this;
    if (batch.count > 0) {
      if (this.isFresh) {
        this.stages.run(this.topology, this.fdb, tickAt(clock[0]));
        this.isFresh = false;
      }
      this.replicate(this.topology);
      this.transmit();
    }
    if (clock[0] - clock[LAST_SWEEP] >= SWEEP_INTERVAL || this.unswept > 0) this.sweep();
    if (this.services.length > 0) this.deadline = this.service(clock[0]);
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
   * Puts another topology in force. FDB entries whose domain, port or, by `isHop`, remote is no more are forgotten;
   * frames that wait are decided again. `isHop` null: no remote went.
   */
  swap(topology: Topology, isHop: ((hop: number) => boolean) | null = null): void {
    this.removeStatics();
    if (isHop !== null || this.losesMember(topology)) {
      const { vlan, domainVid } = topology;
      this.fdb.flush((domain, hop) => {
        const word = vlan[(hop & PORT_MASK) * VLAN_STRIDE + (domainVid[domain] ?? 0)];
        return word >>> 8 !== domain || (isHop !== null && !isHop(hop));
      });
    }
    this.topology = topology;
    if (topology.fdbSlots === this.fdb.slots) {
      this.fdb.configure(topology);
    } else {
      const old = this.fdb;
      this.fdb = this.createFdb(topology);
      old.moveTo(this.fdb);
    }
    this.addStatics();
    if (this.isBusy && !this.isFresh) this.stages.decideAgain(topology, this.fdb, tickAt(this.clock[0]));
  }

  /**
   * Whether a port leaves a domain, so that FDB entries may be wrong: without that, a change need not walk over the FDB
   * (12 ms with 1,000,000 entries; this is 0.9 ms for 100 ports). Says yes where the FDB is the shorter walk.
   */
  private losesMember(next: Topology): boolean {
    const { vlan } = this.topology;
    if (vlan.length > this.fdb.slots) return true;
    for (let n = 0; n < vlan.length; n++) {
      const domain = vlan[n] >>> 8;
      if (domain !== 0 && (n >= next.vlan.length || next.vlan[n] >>> 8 !== domain)) return true;
    }
    return false;
  }

  /** Forgets learned entries that match; 0 matches everything. Returns how many. */
  flush(domains: ReadonlySet<number> | null, port: number, hi: number, lo: number): number {
    return this.fdb.flush(
      (domain, hop, entryHi, entryLo, flags) =>
        flags === 0 &&
        (domains === null || domains.has(domain)) &&
        (port === 0 || (hop & PORT_MASK) === port) &&
        ((hi === 0 && lo === 0) || (entryHi === hi && entryLo === lo)),
    );
  }

  /** See `Fdb.read`. */
  readFdb(from: number, out: Int32Array): { next: number; entries: number } {
    return this.fdb.read(from, tickAt(this.clock[0]), out);
  }

  private transmit(): void {
    for (let n = 0; n < this.queues.length; n++) {
      const queue = this.queues[n];
      if (queue.count > 0) queue.sink.transmit(this.batch, queue);
    }
    this.batch.madeCount = 0;
    this.tooBig.clear();
  }

  private service(now: number): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (const sink of this.services) deadline = Math.min(deadline, sink.service(now));
    return deadline;
  }

  private sweep(): void {
    const { clock, fdb } = this;
    if (clock[0] - clock[LAST_SWEEP] >= SWEEP_INTERVAL) {
      const share = Math.min(1, (clock[0] - clock[LAST_SWEEP]) / SWEEP_PERIOD);
      this.unswept = Math.min(fdb.slots, this.unswept + Math.ceil(fdb.slots * share));
      clock[LAST_SWEEP] = clock[0];
    }
    const slots = Math.min(this.unswept, SWEEP_SLOTS);
    fdb.sweep(tickAt(clock[0]), slots);
    this.unswept -= slots;
  }

  private createFdb(topology: Topology): Fdb {
    return new Fdb(new Int32Array(topology.fdbSlots * 4), this.counters, topology, this.seed);
  }

  private removeStatics(): void {
    const { statics } = this.topology;
    for (let at = 0; at < statics.length; at += 3) {
      this.fdb.removeStatic(statics[at] >>> 16, statics[at] & 0xffff, statics[at + 1]);
    }
  }

  private addStatics(): void {
    const { statics, locals } = this.topology;
    for (let n = 0; n * 3 < statics.length; n++) {
      const flags = n < locals ? LOCAL : 0;
      if (this.addStatic(n * 3, flags)) continue;
      // The table has room for all statics, but dead entries may still be in the way.
      this.fdb.sweep(tickAt(this.clock[0]), this.fdb.slots);
      if (!this.addStatic(n * 3, flags)) throw new Error('The FDB is too small for its static entries');
    }
  }

  private addStatic(at: number, flags: number): boolean {
    const { statics } = this.topology;
    const [key, lo, hop] = [statics[at], statics[at + 1], statics[at + 2]];
    return this.fdb.addStatic(key >>> 16, key & 0xffff, lo, hop, flags);
  }
}
