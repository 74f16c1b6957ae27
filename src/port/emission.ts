// What one copy becomes on its way out: emissions, one after the other. A sink takes up a copy with `begin`, and frames
// what `next` puts into the fields, until there is no more.
//
//   copy --needs?--> PASS      one emission, the frame's own bytes and offload request
//                    COMPLETE  one emission, a copy with its checksum completed
//                    SEGMENT   many emissions, the last one ends the copy

import { segmentsOf } from '../engine/offload.ts';
import { COMPLETE, completeChecksum, needs, PASS, Segmenter } from '../engine/segment.ts';
import { COLUMN, FRAME_ROOM, type FrameBatch } from '../frame/frame_batch.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';

/** `Emission.row`: a finished frame, which asks for nothing. */
export const NO_ROW = -1;
/**
 * The end of aux, for sinks that are done with an emission before they take the next. What is before it may be waiting to
 * be sent.
 */
export const SCRATCH_ROOM = (FRAME_ROOM + 63) & -64;

/** Where finished frames are built. */
export interface Scratch {
  /** Offset in the batch's bytes of `length` bytes that stay untouched until the emission is settled. */
  room(batch: FrameBatch, length: number): number;
}

export class Emission {
  // The emission: 12 bytes at `macs`, `tag` unless it is 0, `length` - 12 bytes at `rest`; of a frame that owns its headers
  // those up to byte `head`, and from there on at `body`.
  macs = 0;
  rest = 0;
  length = 0;
  head = 0;
  body = 0;
  tag = 0;
  /** The row whose offload request it carries, or NO_ROW. */
  row = NO_ROW;

  // The copy: the row of its frame, its next hop, and what it counts as once it is settled.
  frame = 0;
  hop = 0;
  bytes = 0;
  segments = 0;

  readonly segmenter = new Segmenter();
  private readonly scratch: Scratch;
  /** Emissions to come. */
  private left = 0;
  private isSegmenting = false;

  constructor(scratch: Scratch) {
    this.scratch = scratch;
  }

  /**
   * Takes up a copy of the frame of `row` for a device with these TUNSETOFFLOAD bits. False, and no emission, if its
   * headers contradict its request.
   */
  begin(batch: FrameBatch, row: number, hop: number, tag: number, offloads: number): boolean {
    const need = needs(batch, row, tag, offloads);
    this.describe(batch, row, hop, tag);
    this.left = 1;
    if (need === PASS) {
      this.segments = segmentsOf(batch, row);
      return true;
    }
    return need === COMPLETE ? this.complete(batch, row) : this.cut(batch, row);
  }

  /** Goes on to the next emission of the copy; false if there is none. */
  next(batch: FrameBatch): boolean {
    if (this.left === 0) return false;
    this.left--;
    if (this.isSegmenting) this.writeSegment(batch);
    return true;
  }

  /** The current emission ends the copy. */
  get isLast(): boolean {
    return this.left === 0;
  }

  /**
   * Takes up a copy of a super-frame for a sink that cuts it itself, with the segmenter. Returns its segments, -1 if its
   * headers contradict each other. No emission before `split`.
   */
  beginSuper(batch: FrameBatch, row: number, hop: number, tag: number): number {
    this.describe(batch, row, hop, tag);
    const count = this.segmenter.begin(batch, row);
    this.segments = Math.max(0, count);
    return count;
  }

  /** There are so many emissions to come, and the sink says what they are. */
  split(emissions: number): void {
    this.left = emissions;
  }

  /**
   * The emission is the next `segments` segments of the super-frame: see `part` of the segmenter, which writes their
   * headers. What is left of it are those, and the payload as the rest.
   */
  cutPart(batch: FrameBatch, macsAt: number, restAt: number, segments: number): void {
    const payload = this.segmenter.part(batch, macsAt, restAt, segments);
    this.macs = macsAt;
    this.rest = this.segmenter.payload;
    this.length = MACS_LEN + payload;
    this.head = this.length;
  }

  private describe(batch: FrameBatch, row: number, hop: number, tag: number): void {
    const { rows } = batch;
    const length = rows[row + COLUMN.length];
    this.frame = row;
    this.hop = hop;
    this.tag = tag;
    this.row = row;
    this.macs = rows[row + COLUMN.start];
    this.rest = rows[row + COLUMN.rest];
    this.length = length;
    this.head = length;
    if (batch.isOwned(row)) this.describeBody(batch, row);
    this.bytes = length + (tag === 0 ? 0 : TAG_LEN);
    this.segments = 0;
    this.left = 0;
    this.isSegmenting = false;
  }

  private describeBody(batch: FrameBatch, row: number): void {
    this.head = batch.headLength(row);
    if (this.head < this.length) this.body = batch.bodyAt(row);
  }

  private complete(batch: FrameBatch, row: number): boolean {
    const at = this.scratch.room(batch, this.length);
    this.built(at, this.length);
    if (completeChecksum(batch, row, at) >= 0) return true;
    this.left = 0;
    return false;
  }

  private cut(batch: FrameBatch, row: number): boolean {
    const count = this.segmenter.begin(batch, row);
    this.left = Math.max(0, count);
    this.segments = this.left;
    this.isSegmenting = true;
    return count >= 0;
  }

  private writeSegment(batch: FrameBatch): void {
    const at = this.scratch.room(batch, this.segmenter.maxLength);
    this.built(at, this.segmenter.next(batch, at));
  }

  /** A finished frame of `length` bytes at `at`, in one piece. */
  private built(at: number, length: number): void {
    this.macs = at;
    this.rest = at + MACS_LEN;
    this.length = length;
    this.head = length;
    this.row = NO_ROW;
  }
}
