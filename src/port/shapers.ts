// Shaping: a wrapper in front of the sinks of all ports that are shaped. What may not leave yet waits, in memory of its port.
//
//   copy -> class -> nothing waits, and the rates allow it ------------------------> sink
//                 -> cut, if it would take too long -> queue ... service, when due -> sink
//
// With several workers the queues are shared, and a lock guards them. Whoever finds them empty and puts a frame in serves them until they
// are empty again and everything was sent: so no worker has to wake another, and the frames of a flow stay in order.

import { classOf } from '../engine/frame_class.ts';
import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import { COLUMN, type FrameBatch, MARK } from '../frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { ENTRY, ENTRY_WORDS, Slab } from '../table/frame_store.ts';
import { releaseLock, takeLock } from '../table/lock.ts';
import { FAIR, QOS_ROW, type QosTable } from '../table/qos_table.ts';
import { Shaper } from '../table/shaper.ts';
import { TimingWheel } from '../table/timing_wheel.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { KeyedFlowHash } from '../wire/keyed_flow_hash.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { Cutter } from './cutter.ts';
import { FrameCopier } from './frame_copier.ts';
import { wireBytes } from './shaped_bytes.ts';
import { ShapedExit } from './shaped_exit.ts';
import { SHAPED, SHAPED_WORDS, ShapedPorts } from './shaped_ports.ts';
import { TenantTurns } from './tenant_turns.ts';

/** ms. What would keep the port busy for longer is cut: others should not wait for it. */
const LONGEST = 1;
/** ms. So often what others put in is looked for. */
const LOOK = 1;

export class Shapers implements Sink {
  readonly deadline = new Float64Array([Number.POSITIVE_INFINITY]);
  private readonly counters: Counters;
  private readonly clock: Float64Array;
  /** This worker's number, counted from 1. */
  private readonly worker: number;
  private readonly isShared: boolean;
  private readonly ports = new ShapedPorts();
  /** Looks at the port that was entered last. */
  private readonly shaper = new Shaper(new Slab(new SharedArrayBuffer(0)), new Float64Array(0));
  private readonly turns: TenantTurns;
  private readonly copier = new FrameCopier(this.shaper.store);
  private readonly out = new ShapedExit(this.ports, this.copier, this.shaper.store);
  /** The port that was entered, and frames that waited there then. */
  private port = 0;
  private before = 0;
  /** The slot of its tenant, 0 = that has no rate. */
  private slot = 0;
  /** Those that this worker serves and that wait; and behind them tenants that ports wait for. */
  private readonly wheel = new TimingWheel(2 * MAX_PORTS);
  /** Those that this worker serves and that are empty: it stops once everything was sent. */
  private readonly emptied = new Int32Array(MAX_PORTS);
  private emptiedCount = 0;
  private readonly cutter = new Cutter();
  private readonly wakeAt = new Float64Array(1);
  private readonly flowHash: KeyedFlowHash;
  private table: QosTable | null = null;

  /**
   * @param clock its first word is now, in ms
   * @param key two words by which flows are told apart, the same for all workers
   * @param worker its number, of so many
   */
  constructor(counters: Counters, clock: Float64Array, key: Int32Array, worker = 0, workers = 1) {
    this.counters = counters;
    this.clock = clock;
    this.worker = worker + 1;
    this.isShared = workers > 1;
    this.flowHash = new KeyedFlowHash(key[0], key[1]);
    this.turns = new TenantTurns(worker, workers);
  }

  /** The sink behind the shaper of a port; undefined = it is not shaped. */
  innerOf(port: number): Sink | undefined {
    return this.ports.innerOf(port);
  }

  isShaped(port: number): boolean {
    return this.ports.has(port);
  }

  /** Another table is in force: what stays shaped keeps what waits. Ports that are new in it come with `add`. */
  load(table: QosTable | null): void {
    this.table = table;
    this.turns.load(table?.tenants ?? null);
    if (table !== null) this.shaper.load(table.settings);
  }

  /** From now on copies for `port`, of row `n` of the table, come here, and go on to `inner`. */
  add(port: number, inner: Sink, n: number, batch: FrameBatch): void {
    const { table, ports } = this;
    if (table === null) return;
    const slot = table.tenants?.slots[n] ?? 0;
    if (ports.isSame(port, table.regions[n], inner)) {
      ports.words[port * SHAPED_WORDS + SHAPED.row] = n;
      this.join(port, slot);
      return;
    }
    this.release(port, batch);
    ports.add(port, table.regions[n], inner, n);
    ports.words[port * SHAPED_WORDS + SHAPED.tenant] = slot;
    this.out.sinks = ports.sinks;
  }

  /** The port is of another tenant: it does not wait for that of before. */
  private join(port: number, slot: number): void {
    const { words } = this.ports;
    const at = port * SHAPED_WORDS + SHAPED.tenant;
    if (words[at] === slot) return;
    words[at] = slot;
    if (!this.turns.has(port)) return;
    this.turns.remove(port);
    this.wakeAt[0] = this.clock[0];
    this.wheel.add(port, this.wakeAt, this.clock);
  }

  /** The port is shaped no longer, or otherwise: what waits leaves. */
  release(port: number, batch: FrameBatch): void {
    const { shaper } = this;
    if (!this.ports.has(port)) return;
    this.enter(port);
    for (let frame = shaper.popAny(); frame !== 0; frame = shaper.popAny())
      this.out.emit(batch, frame, this.port);
    this.leave();
    this.out.flush(batch);
    this.remove(port);
  }

  /** The port goes: what waits is dropped. */
  remove(port: number): void {
    const { shaper, ports } = this;
    if (!ports.has(port)) return;
    this.enter(port);
    for (let frame = shaper.popAny(); frame !== 0; frame = shaper.popAny()) {
      this.count(port, PORT.drops + DROP.device_gone, 1);
      shaper.store.release(frame);
    }
    shaper.server = 0;
    this.leave();
    this.wheel.remove(port);
    this.turns.remove(port);
    ports.remove(port);
    this.out.sinks = ports.sinks;
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const hop = copies[at + COPY.hop];
      const port = hop & PORT_MASK;
      if (this.ports.has(port)) this.copy(batch, port, copies[at + COPY.row], hop, copies[at + COPY.tag]);
      else this.count(port, PORT.drops + DROP.device_gone, 1);
    }
    queue.count = 0;
  }

  service(batch: FrameBatch, clock: Float64Array): void {
    const { wheel } = this;
    const { sinks } = this.out;
    for (let n = 0; n < sinks.length; n++) sinks[n].service?.(batch, clock);
    if (wheel.isEmpty) return;
    for (let port = wheel.take(clock); port >= 0; port = wheel.take(clock)) {
      if (port >= MAX_PORTS) {
        this.serveTenant(batch, port - MAX_PORTS);
        continue;
      }
      if (!this.ports.has(port)) continue;
      this.enter(port);
      this.drain(batch);
      this.leave();
    }
  }

  flush(batch: FrameBatch): void {
    const { deadline } = this;
    const { sinks } = this.out;
    this.out.flush(batch);
    if (this.emptiedCount > 0) this.handOver();
    deadline[0] = this.wheel.deadline[0];
    for (let n = 0; n < sinks.length; n++) {
      const inner = sinks[n].deadline;
      if (inner !== undefined) deadline[0] = Math.min(deadline[0], inner[0]);
    }
  }

  /** Everything of these ports was sent: from now on any worker may send. */
  private handOver(): void {
    const { ports, shaper } = this;
    for (let n = 0; n < this.emptiedCount; n++) {
      const port = this.emptied[n];
      if (!ports.has(port)) continue;
      ports.words[port * SHAPED_WORDS + SHAPED.isListed] = 0;
      this.enter(port);
      if (shaper.server === this.worker) {
        // Another worker may have put something in since.
        if (shaper.isEmpty) shaper.server = 0;
        else this.await(this.clock);
      }
      this.leave();
    }
    this.emptiedCount = 0;
  }

  private copy(batch: FrameBatch, port: number, row: number, hop: number, tag: number): void {
    const { shaper, clock, table } = this;
    if (table === null) return;
    const c = classOf(batch, row, table, this.ports.words[port * SHAPED_WORDS + SHAPED.row]);
    this.enter(port);
    const wire = wireBytes(batch, row, tag, shaper.overhead);
    const isLong = batch.rows[row + COLUMN.gsoType] !== 0 && shaper.timeOf(c, wire) > LONGEST;
    const isOurs = shaper.server === 0 || shaper.server === this.worker;
    const mayPass = isOurs && !isLong && shaper.mayPass(c, clock) && this.turns.isOpen(this.slot, this.clock);
    // A protocol that is not heard takes the link for dead: behind a full queue its few frames would be lost.
    if (mayPass || ((batch.rows[row + COLUMN.mark] & MARK.said) !== 0 && shaper.mayHurry(clock))) {
      shaper.pass(c, wire, clock);
      this.turns.charge(this.slot, wire, shaper.since, clock);
      this.out.send(batch, row, hop, tag, this.port);
    } else {
      if (isLong) this.cut(batch, c, row, hop, tag);
      else this.hold(batch, c, row, hop, tag, wire);
      if (isOurs && !shaper.isEmpty) this.serve(batch);
    }
    this.leave();
  }

  private hold(batch: FrameBatch, c: number, row: number, hop: number, tag: number, wire: number): void {
    const { rows } = batch;
    const length = rows[row + COLUMN.length];
    const start = rows[row + COLUMN.start];
    const rest = rows[row + COLUMN.rest];
    const frame = this.shaper.take(c, Math.max(length, MACS_LEN), wire);
    if (frame === 0) {
      this.refused(row);
      return;
    }
    const head = batch.headLength(row);
    const body = head < length ? batch.bodyAt(row) : 0;
    this.copier.fill(frame, batch, row, hop, tag, start, rest, head, body, length);
    this.push(batch, row, frame, start, rest, length);
  }

  /** Of a super-frame each part that takes 1 ms, or a segment, is a frame of its own from here on. */
  private cut(batch: FrameBatch, c: number, row: number, hop: number, tag: number): void {
    const { cutter, shaper, port } = this;
    const count = cutter.begin(batch, row);
    if (count < 0) {
      this.counters.drops.count(row, port, DROP.bad_packet);
      return;
    }
    const { segmenter } = cutter;
    const { headerLength } = segmenter;
    const each = shaper.overhead + (tag === 0 ? 0 : TAG_LEN) + headerLength;
    const segments = Math.max(1, Math.floor(LONGEST / shaper.timeOf(c, each + segmenter.gsoSize)));
    const part = batch.shaped;
    const at = batch.shapedAt;
    for (let n = 0; ; n++) {
      batch.copyRow(row, part);
      if (n > 0) Cutter.withoutCwr(batch.rows, part);
      if (!cutter.next(batch, segments, part, at)) return;
      if (n > 0) this.count(port, PORT.copies, 1);
      const { length } = cutter;
      const wire = length + each * cutter.segments - headerLength;
      const frame = shaper.take(c, length, wire);
      if (frame === 0) {
        this.refused(row);
        continue;
      }
      const { payload } = segmenter;
      this.copier.fill(frame, batch, part, hop, tag, at, at + MACS_LEN, headerLength, payload, length);
      this.push(batch, row, frame, at, at + MACS_LEN, headerLength);
    }
  }

  private push(
    batch: FrameBatch,
    row: number,
    frame: number,
    macs: number,
    rest: number,
    length: number,
  ): void {
    const { shaper } = this;
    const fairness = shaper.fairnessOf(frame);
    if (fairness !== FAIR.off) {
      const isByPort = fairness === FAIR.ports;
      const flow = isByPort
        ? batch.rows[row + COLUMN.source]
        : this.flowHash.of(batch.view, macs, rest, length);
      shaper.store.words[frame * ENTRY_WORDS + ENTRY.flow] = flow;
    }
    shaper.push(frame, this.clock);
  }

  /** This worker looks after the port from now on, and gives on what may leave. */
  private serve(batch: FrameBatch): void {
    const { shaper, port } = this;
    const isNew = shaper.server === 0;
    shaper.server = this.worker;
    if (this.turns.has(port)) return;
    if (!isNew && this.wheel.has(port) && !shaper.isOpen(this.clock)) return;
    this.wheel.remove(port);
    this.drain(batch);
  }

  /** Gives on what may leave now. The port is not in the wheel, and waits for no tenant. */
  private drain(batch: FrameBatch): void {
    const { shaper } = this;
    for (;;) {
      if (!this.turns.isOpen(this.slot, this.clock)) {
        if (shaper.isEmpty) break;
        // Behind others.
        this.turns.push(this.port, this.slot);
        this.awaitTenant(this.slot);
        return;
      }
      const frame = shaper.pop(this.clock);
      if (frame === 0) break;
      this.turns.charge(this.slot, shaper.wireOf(frame), shaper.since, this.clock);
      this.out.emit(batch, frame, this.port);
    }
    this.rest();
  }

  /** Nothing more may leave now: asks again when it is time. */
  private rest(): void {
    const { shaper, port, ports } = this;
    if (shaper.isEmpty) {
      const isListed = port * SHAPED_WORDS + SHAPED.isListed;
      if (ports.words[isListed] !== 0) return;
      ports.words[isListed] = 1;
      this.emptied[this.emptiedCount++] = port;
      return;
    }
    const { wakeAt } = shaper;
    // Only ceilings keep it: another worker may put in what could go at once.
    if (this.isShared && shaper.isOpen(this.clock)) wakeAt[0] = Math.min(wakeAt[0], this.clock[0] + LOOK);
    this.wheel.add(port, wakeAt, this.clock);
  }

  private awaitTenant(slot: number): void {
    if (this.wheel.has(MAX_PORTS + slot)) return;
    this.turns.when(slot, this.wakeAt);
    this.wheel.add(MAX_PORTS + slot, this.wakeAt, this.clock);
  }

  /** Lets ports that wait for a tenant take turns, while it is open. */
  private serveTenant(batch: FrameBatch, slot: number): void {
    const { turns, shaper, clock } = this;
    while (turns.mayServe(slot, clock)) {
      const port = turns.shift(slot);
      this.enter(port);
      turns.begin(port);
      let isDone = false;
      while (turns.mayGoOn(port, slot, clock)) {
        const frame = shaper.pop(clock);
        isDone = frame === 0;
        if (isDone) break;
        const wire = shaper.wireOf(frame);
        turns.spend(port, wire);
        turns.charge(slot, wire, shaper.since, clock);
        this.out.emit(batch, frame, this.port);
      }
      if (isDone || shaper.isEmpty) {
        turns.end(port);
        this.rest();
      } else if (turns.isBegun(port)) turns.putBack(port, slot);
      else turns.push(port, slot);
      this.leave();
    }
    turns.settle(slot);
    if (!turns.isFree(slot)) this.awaitTenant(slot);
  }

  /** Asks again when it is time. */
  private await(clock: Float64Array): void {
    if (this.wheel.has(this.port) || this.turns.has(this.port)) return;
    this.wakeAt[0] = clock[0];
    this.shaper.server = this.worker;
    this.wheel.add(this.port, this.wakeAt, clock);
  }

  /** From here to `leave` the shaper looks at this port, and nobody else does. */
  private enter(port: number): void {
    const { shaper, ports } = this;
    const { words } = ports;
    const own = port * SHAPED_WORDS;
    const slab = ports.slabs[words[own + SHAPED.slab]] as Slab;
    shaper.select(slab, words[own + SHAPED.at], words[own + SHAPED.row] * QOS_ROW);
    if (this.isShared) takeLock(slab.words, words[own + SHAPED.at] * ENTRY_WORDS);
    this.port = port;
    this.slot = words[own + SHAPED.tenant];
    this.before = shaper.held;
  }

  /** Counts what waits, and what was dropped of it. */
  private leave(): void {
    const { shaper, port } = this;
    const { held } = shaper;
    if (held !== this.before) this.count(port, PORT.held, held - this.before);
    const { late, full } = shaper;
    if (late > 0) this.count(port, PORT.drops + DROP.queue_late, late);
    if (full > 0) this.count(port, PORT.drops + DROP.shaper_full, full);
    shaper.late = 0;
    shaper.full = 0;
    if (this.isShared) releaseLock(shaper.store.words, shaper.store.header);
  }

  /** A frame that did not get into its queue: whoever looks at drops sees it. */
  private refused(row: number): void {
    this.shaper.full--;
    this.counters.drops.count(row, this.port, DROP.shaper_full);
  }

  private count(port: number, counter: number, by: number): void {
    this.counters.values[this.counters.port(port) + counter] += by;
  }
}
