// The transmit list of a worker: all sinks whose emissions are system calls fill it, one native call sends it. A sink
// writes the header of an entry into `header` room, and adds the entry.
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
import { dropFor, dropForSocket } from './transmit_error.ts';

/** What is known of the copy of an entry. */
const COPY = { port: 0, isLast: 1, bytes: 2, segments: 3, row: 4 } as const;
const COPY_WORDS = 5;
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
  /** Told of every copy for which nobody is at the other end of a socket. */
  onRefused: (port: number, errno: number) => void = () => {};
  /** Told of every emission for which a device has no room. */
  onFull: (port: number) => void = () => {};
  private readonly burst: Burst;
  private readonly counters: Counters;
  private readonly capacity: number;
  private count = 0;
  /** Bytes of aux in use. */
  private used = 0;

  /** COPY_WORDS words for each entry: the copy that it is part of. */
  private readonly copies: Int32Array;

  constructor(burst: Burst, counters: Counters) {
    this.burst = burst;
    this.counters = counters;
    this.settlement = new Settlement(counters);
    this.tx = burst.tx;
    this.capacity = burst.txCapacity;
    this.copies = new Int32Array(this.capacity * COPY_WORDS);
  }

  room(batch: FrameBatch, length: number): number {
    // The header of the entry that follows must fit as well: sending in between would give the room away.
    const need = length + ALIGN + HEADER_ROOM;
    if (this.count === this.capacity || this.used + need + SCRATCH_ROOM > batch.auxLength) this.flush(batch);
    return this.take(batch, length);
  }

  /** Room for the header of the next entry, at most HEADER_ROOM. */
  header(batch: FrameBatch, length: number): number {
    if (this.count === this.capacity || this.used + length + SCRATCH_ROOM > batch.auxLength)
      this.flush(batch);
    return this.take(batch, length);
  }

  /**
   * Makes an entry for the emission: `length` bytes of header at `at`, MACs and tag included, then the rest of its bytes.
   * Returns the index of its first word in `tx`. The one place where the pieces of a frame become those of an entry.
   */
  add(emission: Emission, kind: number, fd: number, at: number, length: number): number {
    const { copies, tx } = this;
    const n = this.count++;
    const copy = n * COPY_WORDS;
    copies[copy + COPY.port] = emission.hop & PORT_MASK;
    copies[copy + COPY.isLast] = emission.isLast ? 1 : 0;
    copies[copy + COPY.bytes] = emission.bytes;
    copies[copy + COPY.segments] = emission.segments;
    copies[copy + COPY.row] = emission.frame;
    const entry = n * ROW;
    tx[entry + TX.fd] = fd;
    tx[entry + TX.kind] = kind;
    tx[entry + TX.pieces] = 2;
    tx[entry + TX.piece] = at;
    tx[entry + TX.piece + 1] = length;
    tx[entry + TX.piece + 2] = emission.rest;
    tx[entry + TX.piece + 3] = emission.head - MACS_LEN;
    if (emission.head < emission.length) this.addBody(entry, emission);
    return entry;
  }

  /** The third piece of a frame that owns its headers: the body that it shares. */
  private addBody(entry: number, { head, body, length }: Emission): void {
    const { tx } = this;
    tx[entry + TX.pieces] = 3;
    tx[entry + TX.piece + 4] = body;
    tx[entry + TX.piece + 5] = length - head;
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
    const { copies, tx } = this;
    const entry = n * ROW;
    const copy = n * COPY_WORDS;
    const result = tx[entry + TX.result];
    const kind = tx[entry + TX.kind];
    const drop = result >= 0 ? OK : kind >= KIND.stream ? dropForSocket(-result) : dropFor(-result);
    const port = copies[copy + COPY.port];
    if (drop === DROP.not_connected) this.onRefused(port, -result);
    else if (drop === DROP.queue_full) this.onFull(port);
    else if (kind === KIND.tap || kind === KIND.packet) this.see(port, drop);
    else if (kind === KIND.segments && tx[entry + TX.udpSegment] < 0)
      this.onUnsegmented(port, -tx[entry + TX.udpSegment]);
    const isLast = copies[copy + COPY.isLast] === 1;
    const { bytes, segments, row } = COPY;
    this.settlement.settle(
      copies[copy + row],
      port,
      drop,
      isLast,
      copies[copy + bytes],
      copies[copy + segments],
    );
  }

  /** An interface tells by its answers whether it is up. */
  private see(port: number, drop: number): void {
    if (drop === OK) this.counters.setUp(port, 1);
    else if (drop === DROP.port_down || drop === DROP.device_gone) this.counters.setUp(port, 0);
  }

  private take(batch: FrameBatch, length: number): number {
    const at = batch.aux + this.used;
    this.used += (length + ALIGN - 1) & -ALIGN;
    return at;
  }
}
