// Faults on purpose, in both directions of a port: a wrapper around the sinks and sources of all ports that want some.
// Embedders test their recovery with it, we ours.
//
//   drop, duplicate, corrupt: probabilities (0-1)      delay: ms, frames stay in order
//
// A copy that is held back is counted as a copy, and as transmitted or dropped once that is so. Nothing is allocated per
// frame. What was altered or held back leaves from the batch's spare slot, where several find room one after the other.

import { COPY, COPY_WORDS, EgressQueue, type Sink, type Source } from '../engine/port.ts';
import { COLUMN, type FrameBatch, HEADROOM, ROW, STRIDE } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { CHANCE, type FaultOptions, FaultyPort } from './faulty_port.ts';

/** `dest` of a frame that was taken out of its batch. */
const TAKEN = -1;
/** Bytes of the spare slot. */
const SPARE_ROOM = STRIDE - HEADROOM;

/** The sink of all faulty ports; as a source, it gives what was held back on its way in. */
export class Faults implements Sink, Source {
  readonly deadline = new Float64Array([Number.POSITIVE_INFINITY]);
  private readonly counters: Counters;
  /** By port index. */
  private readonly ports: (FaultyPort | undefined)[] = [];
  /** The same in a row, and their sinks, each once. */
  private faulty: FaultyPort[] = [];
  private sinks: Sink[] = [];
  /** The time of the last `service`. */
  private readonly clock = new Float64Array(1);
  /** Bytes of the spare slot that are waiting to be sent. */
  private spareUsed = 0;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  /** From now on copies for `port` come here, and go on to `inner`. */
  add(port: number, inner: Sink, options: FaultOptions): void {
    this.remove(port);
    this.ports[port] = new FaultyPort(port, new EgressQueue(inner, 1), options);
    this.list();
  }

  /** The port goes: what is held back is dropped, and copies are counted so. Frames on their way in were not counted yet. */
  remove(port: number): void {
    const old = this.ports[port];
    if (old === undefined) return;
    this.drop(port, old.outgoing?.count ?? 0);
    old.clear();
    this.ports[port] = undefined;
    this.list();
  }

  /** Wraps a source some of whose ports may be faulty. Costs nothing per frame while no port is. */
  around(source: Source): Source {
    return new FaultySource(source, this);
  }

  has(port: number): boolean {
    return this.ports[port] !== undefined;
  }

  get isEmpty(): boolean {
    return this.faulty.length === 0;
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const hop = copies[at + COPY.hop];
      const port = this.ports[hop & PORT_MASK];
      if (port === undefined) this.count(hop & PORT_MASK, PORT.drops + DROP.device_gone, 1);
      else this.copy(batch, port, copies[at + COPY.row], hop, copies[at + COPY.tag]);
    }
    queue.count = 0;
  }

  service(batch: FrameBatch, clock: Float64Array): void {
    const { faulty, sinks } = this;
    this.clock[0] = clock[0];
    for (let n = 0; n < sinks.length; n++) sinks[n].service?.(batch, clock);
    for (let n = 0; n < faulty.length; n++) {
      faulty[n].date(clock);
      const { outgoing } = faulty[n];
      while (outgoing?.isDue(clock)) {
        const at = this.spare(batch, outgoing.length);
        const { hop, tag } = outgoing;
        outgoing.shift(batch, batch.spare, at);
        this.send(batch, faulty[n], batch.spare, hop, tag);
      }
    }
  }

  flush(batch: FrameBatch): void {
    const { faulty, sinks, deadline } = this;
    deadline[0] = Number.POSITIVE_INFINITY;
    for (let n = 0; n < faulty.length; n++) {
      // What was held back in this poll gets its time now.
      faulty[n].date(this.clock);
      faulty[n].outgoing?.lower(deadline);
      faulty[n].incoming?.lower(deadline);
    }
    for (let n = 0; n < sinks.length; n++) {
      const inner = sinks[n].deadline;
      if (inner !== undefined) deadline[0] = Math.min(deadline[0], inner[0]);
    }
    this.flushInner(batch);
  }

  /** Puts held-back frames that are due into the batch. */
  receive(batch: FrameBatch, limit: number): void {
    const { faulty } = this;
    const end = batch.used + limit;
    for (let n = 0; n < faulty.length; n++) {
      const { incoming } = faulty[n];
      while (incoming?.isDue(this.clock) && batch.used < end) {
        const row = batch.append(0, 0);
        incoming.shift(batch, row, batch.frameAt(row));
      }
    }
  }

  isReady(): boolean {
    const { faulty } = this;
    for (let n = 0; n < faulty.length; n++) if (faulty[n].incoming?.isDue(this.clock)) return true;
    return false;
  }

  /** The frames from row `first` on were just received. Alters, drops, holds back or doubles those of faulty ports. */
  strike(batch: FrameBatch, first: number): void {
    const { rows } = batch;
    const end = batch.count * ROW;
    for (let row = first; row < end; row += ROW) {
      const port = this.ports[rows[row + COLUMN.ingress] & PORT_MASK];
      if (port !== undefined && rows[row + COLUMN.dest] === 0) this.frame(batch, port, row);
    }
    let kept = first;
    for (let row = first; row < batch.count * ROW; row += ROW) {
      if (rows[row + COLUMN.dest] === TAKEN) continue;
      if (kept !== row) batch.copyRow(row, kept);
      kept += ROW;
    }
    batch.count = kept / ROW;
  }

  private frame(batch: FrameBatch, port: FaultyPort, row: number): void {
    const { rows } = batch;
    if (port.happens(CHANCE.drop)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.fault_receive;
      return;
    }
    const start = rows[row + COLUMN.start];
    if (port.happens(CHANCE.corrupt)) port.flipBit(batch.view, start, rows[row + COLUMN.length]);
    const isDouble = port.happens(CHANCE.duplicate);
    const { incoming } = port;
    if (incoming === null) {
      if (isDouble && batch.hasSpareRow) batch.copyRow(row, batch.count++ * ROW);
      return;
    }
    if (incoming.push(batch, row, start + MACS_LEN, 0, 0) < 0) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.fault_receive;
      return;
    }
    if (isDouble) incoming.push(batch, row, start + MACS_LEN, 0, 0);
    rows[row + COLUMN.dest] = TAKEN;
  }

  private copy(batch: FrameBatch, port: FaultyPort, row: number, hop: number, tag: number): void {
    if (port.happens(CHANCE.drop)) {
      this.drop(port.number, 1);
      return;
    }
    const isDouble = port.happens(CHANCE.duplicate);
    const mustCorrupt = port.happens(CHANCE.corrupt);
    if (isDouble) this.count(port.number, PORT.copies, 1);
    for (let copies = isDouble ? 2 : 1; copies > 0; copies--) {
      if (port.outgoing !== null) this.hold(batch, port, row, hop, tag, mustCorrupt);
      else if (mustCorrupt) this.corrupt(batch, port, row, hop, tag);
      else this.send(batch, port, row, hop, tag);
    }
  }

  private hold(
    batch: FrameBatch,
    port: FaultyPort,
    row: number,
    hop: number,
    tag: number,
    mustCorrupt: boolean,
  ): void {
    const outgoing = port.outgoing;
    const at = outgoing?.push(batch, row, batch.rows[row + COLUMN.rest], hop, tag) ?? -1;
    if (outgoing === null || at < 0) this.drop(port.number, 1);
    else if (mustCorrupt) port.flipBit(outgoing.view, at, batch.rows[row + COLUMN.length]);
  }

  /** Sends a copy of the frame of `row` with a bit flipped: others may have the frame as it is. */
  private corrupt(batch: FrameBatch, port: FaultyPort, row: number, hop: number, tag: number): void {
    const { rows, view, spare } = batch;
    const length = rows[row + COLUMN.length];
    const at = this.spare(batch, length);
    batch.gather(row, at);
    batch.copyRow(row, spare);
    rows[spare + COLUMN.start] = at;
    rows[spare + COLUMN.rest] = at + MACS_LEN;
    port.flipBit(view, at, length);
    this.send(batch, port, spare, hop, tag);
  }

  private send(batch: FrameBatch, { queue }: FaultyPort, row: number, hop: number, tag: number): void {
    queue.push(row, hop, tag, 0);
    queue.sink.transmit(batch, queue);
  }

  /** Where a frame of `length` bytes goes in the spare slot. */
  private spare(batch: FrameBatch, length: number): number {
    const need = (length + 3 + 63) & -64;
    if (this.spareUsed + need > SPARE_ROOM) this.flushInner(batch);
    const at = batch.slotAt(batch.slots) + this.spareUsed;
    this.spareUsed += need;
    return at;
  }

  private flushInner(batch: FrameBatch): void {
    const { sinks } = this;
    for (let n = 0; n < sinks.length; n++) sinks[n].flush?.(batch);
    this.spareUsed = 0;
  }

  private list(): void {
    this.faulty = this.ports.filter((port) => port !== undefined);
    this.sinks = [...new Set(this.faulty.map(({ queue }) => queue.sink))];
  }

  private drop(port: number, copies: number): void {
    this.count(port, PORT.drops + DROP.fault_transmit, copies);
  }

  private count(port: number, counter: number, by: number): void {
    this.counters.values[this.counters.port(port) + counter] += by;
  }
}

class FaultySource implements Source {
  private readonly inner: Source;
  private readonly faults: Faults;

  constructor(inner: Source, faults: Faults) {
    this.inner = inner;
    this.faults = faults;
  }

  isReady(): boolean {
    return this.inner.isReady?.() ?? false;
  }

  look(): void {
    this.inner.look?.();
  }

  receive(batch: FrameBatch, limit: number, timeoutMs: number): void {
    const first = batch.count * ROW;
    this.inner.receive(batch, limit, timeoutMs);
    if (!this.faults.isEmpty) this.faults.strike(batch, first);
  }
}
