// The way of a frame's bytes into a store where it waits, and out of it.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { ENTRY, ENTRY_WORDS, type FrameStore } from '../table/frame_store.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { copyWords } from './copy_words.ts';

/** Below it a loop over words is faster than `set`, which needs a `subarray`. */
const BY_WORDS = 256;

export class FrameCopier {
  private readonly store: FrameStore;

  constructor(store: FrameStore) {
    this.store = store;
  }

  /** Keeps the columns of `row`, which leaves so, and the frame: `head` bytes, the first 12 at `macs` and more at `rest`, then what is at `body`. */
  fill(
    frame: number,
    batch: FrameBatch,
    row: number,
    hop: number,
    tag: number,
    macs: number,
    rest: number,
    head: number,
    body: number,
    length: number,
  ): void {
    const { words } = this.store;
    const at = frame * ENTRY_WORDS;
    for (let k = 0; k < ROW; k++) words[at + k] = batch.rows[row + k];
    words[at + ENTRY.hop] = hop;
    words[at + ENTRY.tag] = tag;
    this.write(batch, frame, 0, macs, MACS_LEN);
    this.write(batch, frame, MACS_LEN, rest, head - MACS_LEN);
    if (head < length) this.write(batch, frame, head, body, length - head);
  }

  /** Makes a frame that waited, in one piece at `at`, that of `row`. */
  restore(frame: number, batch: FrameBatch, row: number, at: number): void {
    const { store } = this;
    const { rows } = batch;
    const from = frame * ENTRY_WORDS;
    for (let k = 0; k < ROW; k++) rows[row + k] = store.words[from + k];
    rows[row + COLUMN.start] = at;
    rows[row + COLUMN.rest] = at + MACS_LEN;
    rows[row + COLUMN.mark] = 0;
    let to = at;
    let left = rows[row + COLUMN.length];
    for (let block = frame; left > 0; block = store.after(block)) {
      const count = Math.min(left, store.room(block));
      const start = store.at(block);
      if (count <= BY_WORDS) copyWords(store.view, start, batch.view, to, count);
      else batch.bytes.set(store.bytes.subarray(start, start + count), to);
      to += count;
      left -= count;
    }
  }

  /** Bytes of the batch go to byte `to` of the frame and on. */
  private write(batch: FrameBatch, frame: number, to: number, from: number, length: number): void {
    const { store } = this;
    let block = frame;
    let skip = to;
    for (let room = store.room(block); skip >= room; room = store.room(block)) {
      skip -= room;
      block = store.after(block);
    }
    for (let left = length, at = from; left > 0; block = store.after(block)) {
      const room = store.room(block) - skip;
      const count = Math.min(left, room);
      const start = store.at(block) + skip;
      // A copy by words may write up to 3 bytes more.
      if (count <= BY_WORDS && count + 3 <= room) copyWords(batch.view, at, store.view, start, count);
      else store.bytes.set(batch.bytes.subarray(at, at + count), start);
      at += count;
      left -= count;
      skip = 0;
    }
  }
}
