// The part that all sinks share: turn each queued copy into what the device can take, and count each copy once.
//
//   copy --needs?--> PASS      one emission, the frame's own bytes and offload request
//                    COMPLETE  one emission, a copy with its checksum completed
//                    SEGMENT   many emissions, the last one ends the copy
//
// A device says where scratch room is (`room`), takes emissions (`emit`), and reports each with `settle`, at once or
// after a burst, in the order of emission.

import { segmentsOf } from '../engine/offload.ts';
import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import { COMPLETE, completeChecksum, needs, PASS, Segmenter } from '../engine/segment.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';

/** `settle`: the device took it. */
export const OK = -1;
/** `emit`: a finished frame, which asks for nothing. */
export const NO_ROW = -1;

export abstract class CopySink implements Sink {
  protected readonly counters: Counters;
  /** What the copy being emitted will count as once it is settled. */
  protected copyBytes = 0;
  protected copySegments = 0;
  /** First drop reason among the settled emissions of the current copy. */
  private failed = OK;
  private made: Segmenter | null = null;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      this.copy(batch, copies[at + COPY.row], copies[at + COPY.hop], copies[at + COPY.tag]);
    }
    queue.count = 0;
  }

  /** TUNSETOFFLOAD bits that `port` takes. */
  protected abstract offloadsOf(port: number): number;
  /** Offset in the batch's bytes of `length` bytes that stay untouched until the emission is settled. */
  protected abstract room(batch: FrameBatch, length: number): number;
  /**
   * Sends 12 bytes at `macs`, `tag` unless it is 0, and `length` - 12 bytes at `rest`, with the offload request of the
   * frame of `row` (NO_ROW: none). `isLast` ends the copy.
   */
  protected abstract emit(
    batch: FrameBatch,
    hop: number,
    macs: number,
    rest: number,
    length: number,
    tag: number,
    row: number,
    isLast: boolean,
  ): void;
  /** All copies of this poll are emitted. */
  abstract flush(batch: FrameBatch): void;

  /** Result of the oldest unsettled emission: OK or a drop reason. */
  protected settle(port: number, drop: number, isLast: boolean, bytes: number, segments: number): void {
    if (drop !== OK && this.failed === OK) this.failed = drop;
    if (!isLast) return;
    const { values } = this.counters;
    const counter = this.counters.port(port);
    if (this.failed === OK) {
      values[counter + PORT.transmittedFrames] += 1;
      values[counter + PORT.transmittedBytes] += bytes;
      values[counter + PORT.transmittedSegments] += segments;
    } else {
      values[counter + PORT.drops + this.failed] += 1;
      this.failed = OK;
    }
  }

  /** A copy that ends before anything of it was emitted. */
  protected refuse(port: number, drop: number): void {
    this.counters.values[this.counters.port(port) + PORT.drops + drop] += 1;
  }

  private copy(batch: FrameBatch, row: number, hop: number, tag: number): void {
    const { rows } = batch;
    const port = hop & PORT_MASK;
    const length = rows[row + COLUMN.length];
    this.copyBytes = length + (tag === 0 ? 0 : TAG_LEN);
    this.copySegments = 0;
    const need = needs(batch, row, this.offloadsOf(port));
    if (need === PASS) {
      this.copySegments = segmentsOf(batch, row);
      this.emit(batch, hop, rows[row + COLUMN.start], rows[row + COLUMN.rest], length, tag, row, true);
    } else if (need === COMPLETE) {
      const at = this.room(batch, length);
      if (completeChecksum(batch, row, at) < 0) this.refuse(port, DROP.bad_packet);
      else this.emit(batch, hop, at, at + MACS_LEN, length, tag, NO_ROW, true);
    } else {
      this.segment(batch, row, hop, tag);
    }
  }

  /** Made when it is needed first. */
  protected get segmenter(): Segmenter {
    this.made ??= new Segmenter();
    return this.made;
  }

  /** Emits the segments of a super-frame, or what the device makes them of. */
  protected segment(batch: FrameBatch, row: number, hop: number, tag: number): void {
    const { segmenter } = this;
    const count = segmenter.begin(batch, row);
    if (count < 0) {
      this.refuse(hop & PORT_MASK, DROP.bad_packet);
      return;
    }
    this.copySegments = count;
    for (let n = 1; n <= count; n++) {
      const at = this.room(batch, segmenter.maxLength);
      const length = segmenter.next(batch, at);
      this.emit(batch, hop, at, at + MACS_LEN, length, tag, NO_ROW, n === count);
    }
  }
}
