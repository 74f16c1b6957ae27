// Sinks whose emissions are system calls: they fill the native descriptor list, and one native call sends it.
//
//   aux:  | header of entry 0 | header of entry 1 | scratch ... | header ... |     grows from `batch.aux`, and starts
//                                                                                 again when the list was sent

import type { FrameBatch } from '../frame/frame_batch.ts';
import { type Burst, ROW, TX } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { CopySink, OK } from './copy_sink.ts';

// errno of Linux, asm-generic/errno-base.h and errno.h
const EIO = 5;
const ENXIO = 6;
const EBADF = 9;
const EAGAIN = 11;
const ENODEV = 19;
const EBADFD = 77;
const EMSGSIZE = 90;
const ENETDOWN = 100;
const ENETUNREACH = 101;
const ENOBUFS = 105;
const EHOSTUNREACH = 113;

/** Cache-line alignment of what is built in aux. */
const ALIGN = 64;
/** Enough for every header that a sink puts before a frame. */
const HEADER_ROOM = 64;

export abstract class BurstSink extends CopySink {
  protected readonly burst: Burst;
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
    super(counters);
    this.burst = burst;
    this.capacity = burst.txCapacity;
    this.port = new Uint16Array(this.capacity);
    this.isLast = new Uint8Array(this.capacity);
    this.wireBytes = new Uint32Array(this.capacity);
    this.segments = new Uint16Array(this.capacity);
  }

  protected room(batch: FrameBatch, length: number): number {
    // The header of the entry that follows must fit as well: sending in between would give the scratch away.
    if (this.count === this.capacity || this.used + length + ALIGN + HEADER_ROOM > batch.auxLength)
      this.flush(batch);
    return this.take(batch, length);
  }

  /** Room for the header of the next entry. */
  protected header(batch: FrameBatch): number {
    if (this.count === this.capacity || this.used + HEADER_ROOM > batch.auxLength) this.flush(batch);
    return this.take(batch, HEADER_ROOM);
  }

  private take(batch: FrameBatch, length: number): number {
    const at = batch.aux + this.used;
    this.used += (length + ALIGN - 1) & -ALIGN;
    return at;
  }

  /** Makes an entry of the list; returns the index of its first word in `burst.tx`. */
  protected entry(port: number, isLast: boolean): number {
    const n = this.count++;
    this.port[n] = port;
    this.isLast[n] = isLast ? 1 : 0;
    this.wireBytes[n] = this.copyBytes;
    this.segments[n] = this.copySegments;
    return n * ROW;
  }

  /** The device took a frame, or says why not; `_entry` is the index of its first word in `burst.tx`. */
  protected sent(port: number, drop: number, _entry: number): void {
    if (drop === OK) this.counters.setUp(port, 1);
    else if (drop === DROP.port_down || drop === DROP.device_gone) this.counters.setUp(port, 0);
  }

  flush(_batch: FrameBatch): void {
    const { burst } = this;
    if (this.count === 0) return;
    burst.transmit(this.count);
    for (let n = 0; n < this.count; n++) {
      const result = burst.tx[n * ROW + TX.result];
      const drop = result >= 0 ? OK : dropFor(-result);
      const port = this.port[n];
      this.sent(port, drop, n * ROW);
      this.settle(port, drop, this.isLast[n] === 1, this.wireBytes[n], this.segments[n]);
    }
    this.count = 0;
    this.used = 0;
  }
}

function dropFor(errno: number): number {
  switch (errno) {
    case EIO: // a TAP whose interface is down
    case ENETDOWN: // any other interface that is
      return DROP.port_down;
    case EAGAIN:
    case ENOBUFS:
      return DROP.queue_full;
    case ENXIO:
    case ENODEV:
    case EBADF:
    case EBADFD: // a TAP whose interface was deleted
      return DROP.device_gone;
    case EMSGSIZE:
      return DROP.too_big;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return DROP.unreachable;
    default:
      return DROP.device_error;
  }
}
