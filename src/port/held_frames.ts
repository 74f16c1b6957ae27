// Frames out of their batch, in a queue of fixed size: what came first leaves first, when it has been there for `delay` ms.
// Nothing is allocated after the constructor.
//
//   bytes:    | ... free | frame | frame | frame | free ... |     a ring; a frame that does not fit before its end
//   entries:  | columns of its row | hop | tag | at |             begins anew at 0
//
// Who takes a frame may not know the time: it gets it with the next `date`.

import { COLUMN, FRAME_ROOM, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { copyWords } from './copy_words.ts';

/** Frames at most, and their bytes at most. */
const MAX_HELD = 4096;
const MAX_BYTES = 32 * 1024 * 1024;
/** Words of an entry: the columns of its row, then these. */
const HOP = ROW;
const TAG = ROW + 1;
/** Offset in `bytes`. */
const AT = ROW + 2;
const ENTRY = ROW + 4;
/** `due` of a frame that has not been given its time. */
const NOT_YET = Number.POSITIVE_INFINITY;

export class HeldFrames {
  count = 0;
  /** The frames, in `view`, for who alters them. */
  readonly view: DataView;
  private readonly limit: number;
  private readonly entries = new Int32Array(MAX_HELD * ENTRY);
  private readonly due = new Float64Array(MAX_HELD);
  /** ms. In an array, as a fraction in a field would be a heap object whenever it is passed on. */
  private readonly delay = new Float64Array(1);
  /** The oldest entry. */
  private head = 0;
  /** Where free bytes begin. */
  private tail = 0;
  /** Entries that do not have their time, the youngest. */
  private undated = 0;

  constructor(delay: number, bytes = MAX_BYTES) {
    this.delay[0] = delay;
    this.limit = bytes;
    this.view = new DataView(new ArrayBuffer(bytes));
  }

  /**
   * Takes a copy of the frame of `row`, whose bytes behind the MACs are at `rest`. Returns its offset in `view`, or -1 if
   * there is no room.
   */
  push(batch: FrameBatch, row: number, rest: number, hop: number, tag: number): number {
    const { entries } = this;
    const { rows } = batch;
    const length = rows[row + COLUMN.length];
    const at = this.count === MAX_HELD ? -1 : this.reserve(Math.max(length, MACS_LEN));
    if (at < 0) return -1;
    const n = (this.head + this.count) % MAX_HELD;
    const entry = n * ENTRY;
    for (let k = 0; k < ROW; k++) entries[entry + k] = rows[row + k];
    entries[entry + HOP] = hop;
    entries[entry + TAG] = tag;
    entries[entry + AT] = at;
    copyWords(batch.view, rows[row + COLUMN.start], this.view, at, MACS_LEN);
    const head = batch.isOwned(row) ? batch.headLength(row) : length;
    copyWords(batch.view, rest, this.view, at + MACS_LEN, head - MACS_LEN);
    if (head < length) copyWords(batch.view, batch.bodyAt(row), this.view, at + head, length - head);
    this.due[n] = NOT_YET;
    this.undated++;
    this.count++;
    return at;
  }

  /** Gives what was taken since the last time its time, with the clock at `clock[0]`. */
  date(clock: Float64Array): void {
    for (; this.undated > 0; this.undated--) {
      this.due[(this.head + this.count - this.undated) % MAX_HELD] = clock[0] + this.delay[0];
    }
  }

  /** Whether the oldest frame has been here long enough. */
  isDue(clock: Float64Array): boolean {
    return this.count > 0 && this.due[this.head] <= clock[0];
  }

  /** Lowers `deadline[0]` to when that will be so. */
  lower(deadline: Float64Array): void {
    if (this.count > 0) deadline[0] = Math.min(deadline[0], this.due[this.head]);
  }

  // Of the oldest frame.
  get length(): number {
    return this.entries[this.head * ENTRY + COLUMN.length];
  }
  get hop(): number {
    return this.entries[this.head * ENTRY + HOP];
  }
  get tag(): number {
    return this.entries[this.head * ENTRY + TAG];
  }

  /** Makes the oldest frame, in one piece at `at`, that of `row`, and forgets it. */
  shift(batch: FrameBatch, row: number, at: number): void {
    const { entries } = this;
    const { rows } = batch;
    const entry = this.head * ENTRY;
    for (let k = 0; k < ROW; k++) rows[row + k] = entries[entry + k];
    rows[row + COLUMN.start] = at;
    rows[row + COLUMN.rest] = at + MACS_LEN;
    copyWords(this.view, entries[entry + AT], batch.view, at, Math.min(this.length, FRAME_ROOM));
    this.head = (this.head + 1) % MAX_HELD;
    this.count--;
  }

  /** Forgets everything. */
  clear(): void {
    this.count = 0;
    this.undated = 0;
  }

  /** Room for `length` bytes and the 3 that a copy may write behind them; -1 if there is none. */
  private reserve(length: number): number {
    const need = (length + 3 + 7) & -8;
    const oldest = this.count === 0 ? 0 : this.entries[this.head * ENTRY + AT];
    if (this.count === 0) this.tail = 0;
    let at = this.tail;
    if (at < oldest || (this.count > 0 && at + need > this.limit)) {
      // The free bytes end before the oldest frame; to end right there would look like an empty ring.
      if (at >= oldest) at = 0;
      if (at + need >= oldest) return -1;
    } else if (at + need > this.limit) {
      return -1;
    }
    this.tail = at + need;
    return at;
  }
}
