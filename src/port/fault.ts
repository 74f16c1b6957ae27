// Faults on purpose, in both directions of a port: a wrapper around any device's source and sink. Embedders test their
// recovery with it, we ours.
//
//   drop, duplicate, corrupt: probabilities (0-1)      delay: ms, frames stay in order
//
// Unlike everything else on the frame's path it allocates: held-back frames are copies.
// A frame that is held back on its way out is counted as a copy, and as transmitted or dropped once that is so.

import { COPY, COPY_WORDS, EgressQueue, type Sink, type Source } from '../engine/port.ts';
import { COLUMN, FRAME_ROOM, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MACS_LEN } from '../wire/ethernet.ts';

/** Frames held back per direction; more are dropped. */
const MAX_HELD = 4096;
/** `due` of a frame that was taken since the last `service`, which is what knows the time. */
const NOT_YET = Number.POSITIVE_INFINITY;
/** `dest` of a frame that was taken out of its batch. */
const TAKEN = -1;

export interface FaultOptions {
  drop?: number;
  duplicate?: number;
  corrupt?: number;
  /** ms */
  delay?: number;
  /** Of the pseudo-random sequence: the same seed and the same frames give the same faults. */
  seed?: number;
}

/** One frame out of its batch: its row, and its bytes, untagged (on egress) or as received (on ingress). */
interface Held {
  due: number;
  bytes: Uint8Array;
  columns: Int32Array;
  hop: number;
  tag: number;
}

export class Fault implements Sink {
  private readonly inner: Sink;
  private readonly queue: EgressQueue;
  private readonly counters: Counters;
  private readonly batch: FrameBatch;
  private readonly options: FaultOptions;
  private readonly outgoing: Held[] = [];
  private readonly incoming: Held[] = [];
  private state: number;
  private now = 0;
  readonly deadline = new Float64Array([Number.POSITIVE_INFINITY]);

  /** @param batch the engine's, whose spare slot carries altered copies to `inner` */
  constructor(inner: Sink, batch: FrameBatch, counters: Counters, options: FaultOptions) {
    this.inner = inner;
    this.queue = new EgressQueue(inner, 1);
    this.batch = batch;
    this.counters = counters;
    this.options = options;
    // Spread, because the first numbers after a small seed are small, too.
    this.state = Math.imul((options.seed ?? 1) + 1, 0x9e37_79b1);
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { drop = 0, duplicate = 0, corrupt = 0, delay = 0 } = this.options;
    for (let at = 0; at < queue.count * COPY_WORDS; at += COPY_WORDS) {
      const row = queue.copies[at + COPY.row];
      const hop = queue.copies[at + COPY.hop];
      const tag = queue.copies[at + COPY.tag];
      const counter = this.counters.port(hop & PORT_MASK);
      if (this.happens(drop)) {
        this.counters.values[counter + PORT.drops + DROP.fault_transmit] += 1;
        continue;
      }
      let copies = 1;
      if (this.happens(duplicate)) {
        copies = 2;
        this.counters.values[counter + PORT.copies] += 1;
      }
      const mustCorrupt = this.happens(corrupt);
      for (; copies > 0; copies--) {
        if (!mustCorrupt && delay === 0) {
          this.send(batch, row, hop, tag);
          continue;
        }
        const held = take(batch, row, batch.rows[row + COLUMN.rest], hop, tag);
        if (mustCorrupt) this.flipBit(held.bytes);
        if (delay === 0) this.sendHeld(held);
        else if (this.outgoing.length < MAX_HELD) this.outgoing.push(held);
        else this.counters.values[counter + PORT.drops + DROP.fault_transmit] += 1;
      }
    }
    queue.count = 0;
  }

  service(batch: FrameBatch, clock: Float64Array): void {
    const now = clock[0];
    this.now = now;
    this.inner.service?.(batch, clock);
    this.setDue(this.outgoing);
    this.setDue(this.incoming);
    while (this.outgoing.length > 0 && this.outgoing[0].due <= now) {
      this.sendHeld(this.outgoing.shift() as Held);
    }
  }

  flush(batch: FrameBatch): void {
    // What was held back in this poll gets its time now.
    this.setDue(this.outgoing);
    this.setDue(this.incoming);
    const inner = this.inner.deadline?.[0] ?? Number.POSITIVE_INFINITY;
    this.deadline[0] = Math.min(inner, this.outgoing[0]?.due ?? inner, this.incoming[0]?.due ?? inner);
    this.inner.flush?.(batch);
  }

  /** The port goes: what is held back is dropped, and copies are counted so. Frames on their way in were not counted yet. */
  discard(): void {
    for (const { hop } of this.outgoing) {
      this.counters.values[this.counters.port(hop & PORT_MASK) + PORT.drops + DROP.fault_transmit] += 1;
    }
    this.outgoing.length = 0;
    this.incoming.length = 0;
  }

  get isReady(): boolean {
    return this.incoming.length > 0 && this.incoming[0].due <= this.now;
  }

  /** The frame of `row` was just received from this port. Alters, drops, holds back or doubles it. */
  receive(batch: FrameBatch, row: number): void {
    const { drop = 0, duplicate = 0, corrupt = 0, delay = 0 } = this.options;
    const { rows } = batch;
    if (rows[row + COLUMN.dest] !== 0) return;
    if (this.happens(drop)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.fault_receive;
      return;
    }
    const start = rows[row + COLUMN.start];
    if (this.happens(corrupt)) {
      this.flipBit(batch.bytes.subarray(start, start + rows[row + COLUMN.length]));
    }
    const isDouble = this.happens(duplicate);
    if (delay === 0) {
      if (isDouble && batch.hasSpareRow) batch.copyRow(row, batch.count++ * ROW);
      return;
    }
    if (this.incoming.length >= MAX_HELD) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.fault_receive;
      return;
    }
    for (let copies = isDouble ? 2 : 1; copies > 0; copies--) {
      this.incoming.push(take(batch, row, start + MACS_LEN, 0, 0));
    }
    rows[row + COLUMN.dest] = TAKEN;
  }

  /** Puts held-back frames that are due into the batch. */
  receiveHeld(batch: FrameBatch, limit: number): void {
    for (let n = 0; n < limit && this.isReady; n++) {
      const row = batch.append(0, 0);
      put(batch, row, batch.frameAt(row), this.incoming.shift() as Held);
    }
  }

  private setDue(list: Held[]): void {
    const due = this.now + (this.options.delay ?? 0);
    for (let n = list.length - 1; n >= 0 && list[n].due === NOT_YET; n--) list[n].due = due;
  }

  private send(batch: FrameBatch, row: number, hop: number, tag: number): void {
    this.queue.push(row, hop, tag, 0);
    this.inner.transmit(batch, this.queue);
  }

  private sendHeld(held: Held): void {
    const { batch } = this;
    put(batch, batch.spare, batch.slotAt(batch.slots), held);
    this.send(batch, batch.spare, held.hop, held.tag);
  }

  private happens(probability: number): boolean {
    return probability > 0 && this.random() < probability;
  }

  private flipBit(bytes: Uint8Array): void {
    bytes[Math.floor(this.random() * bytes.length)] ^= 1 << Math.floor(this.random() * 8);
  }

  /** xorshift32 (Marsaglia 2003), 0 <= x < 1. */
  private random(): number {
    let x = this.state || 0x9e37_79b9;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) / 0x1_0000_0000;
  }
}

/** Wraps a source, some of whose ports may be faulty. Costs nothing per frame while no port is. */
export class FaultSource implements Source {
  private readonly inner: Source;
  /** By port; shared with whoever adds and removes faults. */
  private readonly faults: ReadonlyMap<number, Fault>;

  constructor(inner: Source, faults: ReadonlyMap<number, Fault>) {
    this.inner = inner;
    this.faults = faults;
  }

  isReady(): boolean {
    for (const fault of this.faults.values()) if (fault.isReady) return true;
    return this.inner.isReady?.() ?? false;
  }

  look(): void {
    this.inner.look?.();
  }

  receive(batch: FrameBatch, limit: number, timeoutMs: number): void {
    if (this.faults.size === 0) {
      this.inner.receive(batch, limit, timeoutMs);
      return;
    }
    const first = batch.used;
    for (const fault of this.faults.values()) fault.receiveHeld(batch, limit - (batch.used - first));
    const received = batch.count;
    const held = batch.used - first;
    if (held < limit) this.inner.receive(batch, limit - held, held > 0 ? 0 : timeoutMs);
    const { rows } = batch;
    const end = batch.count * ROW;
    for (let row = received * ROW; row < end; row += ROW) {
      this.faults.get(rows[row + COLUMN.ingress] & PORT_MASK)?.receive(batch, row);
    }
    let kept = received * ROW;
    for (let row = kept; row < batch.count * ROW; row += ROW) {
      if (rows[row + COLUMN.dest] === TAKEN) continue;
      if (kept !== row) batch.copyRow(row, kept);
      kept += ROW;
    }
    batch.count = kept / ROW;
  }
}

function take({ bytes, rows }: FrameBatch, row: number, rest: number, hop: number, tag: number): Held {
  const start = rows[row + COLUMN.start];
  const length = rows[row + COLUMN.length];
  const whole = new Uint8Array(Math.max(MACS_LEN, length));
  whole.set(bytes.subarray(start, start + MACS_LEN));
  if (length > MACS_LEN) whole.set(bytes.subarray(rest, rest + length - MACS_LEN), MACS_LEN);
  return { due: NOT_YET, bytes: whole.subarray(0, length), columns: rows.slice(row, row + ROW), hop, tag };
}

/** Makes a frame in one piece that of `row`, at the byte offset `at`. */
function put(batch: FrameBatch, row: number, at: number, { bytes, columns }: Held): void {
  batch.bytes.set(bytes.subarray(0, FRAME_ROOM), at);
  batch.rows.set(columns, row);
  batch.rows[row + COLUMN.start] = at;
  batch.rows[row + COLUMN.rest] = at + MACS_LEN;
}
