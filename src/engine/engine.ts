// One poll: receive -> classify -> learn -> decide -> replicate -> transmit.
//
// The engine owns the batch and the FDB, and knows devices only as sources and sinks. It has no clock, no thread and
// no I/O of its own: the worker drives it in a loop, and tests and embedders call `poll` themselves.

import { COLUMN, FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, DEST_VALUE, MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { Fdb, LOCAL, tickAt } from '../table/fdb.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import { TPID_8021Q, VID_MASK } from '../wire/vlan.ts';
import { l3Of } from './offload.ts';
import { EgressQueue, type Sink, type Source } from './port.ts';
import { classify, decide, learn } from './stages.ts';
import { TooBig } from './too_big.ts';
import {
  HAIRPIN,
  ISOLATED,
  SPLIT_HORIZON,
  type Topology,
  TUNNEL,
  UNTAGGED,
  VLAN_STRIDE,
} from './topology.ts';

/** Frames per poll: one native burst. Larger batches gain nothing once system calls dominate. */
const BATCH = 64;
/** Room for headers and segments that sinks build; a 64 KiB super-frame in 1,388-byte segments needs 70 KiB. */
const AUX = 512 * 1024;
/** Copies held for one sink before it is drained in the middle of a poll. */
const QUEUE = 512;
/**
 * A poll replicates until this is used up, and the next poll goes on: about 1 ms of TAP writes, so that a flood to 256
 * ports holds up commands and timers no longer than that. A copy costs its bytes and COPY_COST for the system call.
 */
const POLL_BUDGET = 8 * 1024 * 1024;
const COPY_COST = 8192;
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
  /** What is left of this poll's. */
  private budget = 0;
  /** Slots that the sweeper should have visited by now. */
  private unswept = 0;

  constructor(options: EngineOptions) {
    this.counters = options.counters;
    this.topology = options.topology;
    this.seed = options.seed;
    this.tooBig = new TooBig(this.batch, this.counters, this.clock);
    this.queueOf = new Array(MAX_PORTS).fill(undefined);
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
      const tick = tickAt(clock[0]);
      if (this.isFresh) {
        classify(batch, this.topology, this.counters);
        learn(batch, this.fdb, this.counters, tick);
        decide(batch, this.topology, this.fdb, tick);
        this.isFresh = false;
      }
      this.replicate();
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
    if (this.isBusy && !this.isFresh) this.decideAgain();
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

  /** For frames that wait while the topology changes: their next hops and lists were those of the old one. */
  private decideAgain(): void {
    const { batch, topology } = this;
    const { rows } = batch;
    const end = batch.count * ROW;
    for (let row = batch.next * ROW; row < end; row += ROW) {
      if ((rows[row + COLUMN.dest] & DEST_DROP) !== 0) continue;
      const vid = rows[row + COLUMN.tci] & VID_MASK;
      const membership = topology.vlan[(rows[row + COLUMN.ingress] & PORT_MASK) * VLAN_STRIDE + vid];
      const isSame = (membership ^ rows[row + COLUMN.domain]) >>> 8 === 0;
      rows[row + COLUMN.domain] = membership;
      rows[row + COLUMN.dest] = isSame ? 0 : DEST_DROP | DROP.reconfigured;
    }
    decide(batch, topology, this.fdb, tickAt(this.clock[0]));
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

  /** Walks over the frames from `batch.next` on, counts each, and queues its copies. */
  private replicate(): void {
    const { batch, counters } = this;
    const { rows } = batch;
    const { values } = counters;
    const end = batch.count * ROW;
    let row = batch.next * ROW;
    this.budget = POLL_BUDGET;
    for (; row < end && this.budget > 0; row += ROW) {
      const counter = counters.port(rows[row + COLUMN.ingress] & PORT_MASK);
      let dest = rows[row + COLUMN.dest];
      if (dest < DEST_DROP) dest = this.unicast(row, dest);
      else if ((dest & DEST_LIST) !== 0) dest = this.flood(row, dest & DEST_VALUE);
      if (dest === 0) values[counter + PORT.forwarded] += 1;
      else values[counter + PORT.drops + (dest & DEST_VALUE)] += 1;
    }
    batch.next = row / ROW;
  }

  /** Queues the frame for one next hop. Returns 0, or the drop. */
  private unicast(row: number, hop: number): number {
    const { rows } = this.batch;
    const source = rows[row + COLUMN.domain];
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    const membership = this.topology.vlan[(hop & PORT_MASK) * VLAN_STRIDE + vid];
    if ((membership ^ source) >>> 8 !== 0) return DEST_DROP | DROP.not_member;
    const from = rows[row + COLUMN.ingress];
    if (((hop ^ from) & PORT_MASK) === 0 && !turnsRound(source, from, hop)) return DEST_DROP | DROP.same_port;
    if ((source & membership & ISOLATED) !== 0) return DEST_DROP | DROP.isolated;
    if ((source & membership & SPLIT_HORIZON) !== 0) return DEST_DROP | DROP.split_horizon;
    this.enqueue(row, hop, membership);
    return 0;
  }

  /** Queues the frame for every member of a list that may have it. Returns 0, or a drop if there was none. */
  private flood(row: number, list: number): number {
    const { rows } = this.batch;
    const { hops, listAt, vlan } = this.topology;
    const from = rows[row + COLUMN.ingress];
    const source = rows[row + COLUMN.domain];
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    const end = listAt[list + 1];
    let reached = false;
    for (let k = listAt[list]; k < end; k++) {
      const hop = hops[k];
      if (((hop ^ from) & PORT_MASK) === 0 && !turnsRound(source, from, hop)) continue;
      const membership = vlan[(hop & PORT_MASK) * VLAN_STRIDE + vid];
      if ((source & membership & (ISOLATED | SPLIT_HORIZON)) !== 0) continue;
      if ((membership ^ source) >>> 8 !== 0) continue;
      this.enqueue(row, hop, membership);
      reached = true;
    }
    return reached ? 0 : DEST_DROP | DROP.no_destination;
  }

  private enqueue(row: number, hop: number, membership: number): void {
    const { batch, counters } = this;
    const { rows } = batch;
    const port = hop & PORT_MASK;
    const length = rows[row + COLUMN.length];
    counters.values[counters.port(port) + PORT.copies] += 1;
    this.budget -= COPY_COST + length;
    const mtu = this.topology.mtu[port];
    const queue = this.queueOf[port];
    if (queue === undefined || (length > mtu + HEADER_LEN && l3Length(batch, row) > mtu)) {
      this.dropCopy(port, queue === undefined ? DROP.device_gone : DROP.too_big);
      if (queue === undefined || (membership & TUNNEL) === 0) return;
      const answer = this.tooBig.answer(row, hop, mtu);
      if (answer >= 0) this.enqueue(answer, rows[row + COLUMN.ingress], rows[row + COLUMN.domain]);
      return;
    }
    if (queue.count === queue.capacity) queue.sink.transmit(batch, queue);
    const isUntagged = (membership & UNTAGGED) !== 0;
    queue.push(row, hop, isUntagged ? 0 : (TPID_8021Q << 16) | rows[row + COLUMN.tci]);
  }

  private dropCopy(port: number, drop: number): void {
    this.counters.values[this.counters.port(port) + PORT.drops + drop] += 1;
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

/** Whether a frame may leave through its own port: with hairpin, but in a tunnel not to the remote that it came from. */
function turnsRound(source: number, from: number, hop: number): boolean {
  return (source & HAIRPIN) !== 0 && ((source & TUNNEL) === 0 || hop !== from);
}

/** What an MTU limits: the IP packet, without tags that stayed in the frame; of a GSO frame, its largest segment. */
function l3Length(batch: FrameBatch, row: number): number {
  const { rows } = batch;
  const isGso = rows[row + COLUMN.gsoType] !== 0;
  const length = isGso
    ? rows[row + COLUMN.headerLength] + rows[row + COLUMN.gsoSize]
    : rows[row + COLUMN.length];
  return length - l3Of(batch, row);
}
