// The transmit list of a worker: all sinks whose emissions are system calls fill it, one native call sends it. A sink
// writes the header of an entry into `header` room, makes the `entry`, and names its `pieces`.
//
//   aux:  | header of entry 0 | header of entry 1 | finished frame | header ... |  ...  | SCRATCH_ROOM |
//
// Room grows from `batch.aux`, and starts again when the list was sent: at the end of a poll, or earlier where rows or room
// run out. Results are settled in the order of the entries; the entries of one copy follow each other.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { type Burst, KIND, ROW, TX } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { type Emission, SCRATCH_ROOM, type Scratch } from './emission.ts';
import { OK, Settlement } from './settlement.ts';
import { dropFor } from './transmit_error.ts';

/** Cache-line alignment of what is built in aux. */
const ALIGN = 64;
/** Enough for every header that a sink puts before a finished frame. */
const HEADER_ROOM = 128;

export class TransmitList implements Scratch {
  /** The words of the entries: see TX. */
  readonly tx: Int32Array;
  readonly settlement: Settlement;
  /** Told once the kernel refused UDP_SEGMENT for an entry and took the segments one by one. */
  onUnsegmented: (port: number, errno: number) => void = () => {};
  private readonly burst: Burst;
  private readonly counters: Counters;
  private readonly capacity: number;
  private count = 0;
  /** Bytes of aux in use. */
  private used = 0;

  // by entry
  private readonly port: Uint16Array;
  private readonly isLast: Uint8Array;
  private readonly wireBytes: Uint32Array;
  private readonly segments: Uint16Array;

  constructor(burst: Burst, counters: Counters) {
    this.burst = burst;
    this.counters = counters;
    this.settlement = new Settlement(counters);
    this.tx = burst.tx;
    this.capacity = burst.txCapacity;
    this.port = new Uint16Array(this.capacity);
    this.isLast = new Uint8Array(this.capacity);
    this.wireBytes = new Uint32Array(this.capacity);
    this.segments = new Uint16Array(this.capacity);
  }

  room(batch: FrameBatch, length: number): number {
    // The header of the entry that follows must fit as well: sending in between would give the room away.
    if (this.isFull(batch, length + ALIGN + HEADER_ROOM)) this.flush(batch);
    return this.take(batch, length);
  }

  /** Room for the header of the next entry, at most HEADER_ROOM. */
  header(batch: FrameBatch, length: number): number {
    if (this.isFull(batch, length)) this.flush(batch);
    return this.take(batch, length);
  }

  /** Makes an entry for the emission; returns the index of its first word in `tx`. */
  entry(emission: Emission, kind: number, fd: number): number {
    const n = this.count++;
    this.port[n] = emission.hop & PORT_MASK;
    this.isLast[n] = emission.isLast ? 1 : 0;
    this.wireBytes[n] = emission.bytes;
    this.segments[n] = emission.segments;
    const entry = n * ROW;
    this.tx[entry + TX.kind] = kind;
    this.tx[entry + TX.fd] = fd;
    return entry;
  }

  /**
   * What an entry sends: `length` bytes of header at `at`, MACs and tag included, then the rest of the emission's bytes.
   * The one place where the pieces of a frame become those of an entry.
   */
  pieces(entry: number, at: number, length: number, emission: Emission): void {
    const { tx } = this;
    tx[entry + TX.pieces] = 2;
    tx[entry + TX.piece] = at;
    tx[entry + TX.piece + 1] = length;
    tx[entry + TX.piece + 2] = emission.rest;
    tx[entry + TX.piece + 3] = emission.head - MACS_LEN;
    if (emission.head === emission.length) return;
    tx[entry + TX.pieces] = 3;
    tx[entry + TX.piece + 4] = emission.body;
    tx[entry + TX.piece + 5] = emission.length - emission.head;
  }

  /** Sends what is in the list, and settles it. */
  flush(_batch: FrameBatch): void {
    const { count } = this;
    if (count === 0) return;
    this.burst.transmit(count);
    for (let n = 0; n < count; n++) this.settle(n);
    this.count = 0;
    this.used = 0;
  }

  private settle(n: number): void {
    const { tx } = this;
    const entry = n * ROW;
    const result = tx[entry + TX.result];
    const drop = result >= 0 ? OK : dropFor(-result);
    const port = this.port[n];
    const kind = tx[entry + TX.kind];
    if (kind === KIND.tap || kind === KIND.packet) this.see(port, drop);
    else if (kind === KIND.segments && tx[entry + TX.udpSegment] < 0)
      this.onUnsegmented(port, -tx[entry + TX.udpSegment]);
    this.settlement.settle(port, drop, this.isLast[n] === 1, this.wireBytes[n], this.segments[n]);
  }

  /** An interface tells by its answers whether it is up. */
  private see(port: number, drop: number): void {
    if (drop === OK) this.counters.setUp(port, 1);
    else if (drop === DROP.port_down || drop === DROP.device_gone) this.counters.setUp(port, 0);
  }

  private isFull(batch: FrameBatch, length: number): boolean {
    return this.count === this.capacity || this.used + length + SCRATCH_ROOM > batch.auxLength;
  }

  private take(batch: FrameBatch, length: number): number {
    const at = batch.aux + this.used;
    this.used += (length + ALIGN - 1) & -ALIGN;
    return at;
  }
}
