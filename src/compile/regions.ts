// Memory of queues: regions of several ports lie in one slab, so that the data plane has few objects for a thousand ports.

import { type Region, Slab } from '../table/frame_store.ts';

/**
 * Bytes of a slab, which the system gives as they are used. It is free when the last of its ports is gone, so a larger one would keep
 * more of what the others had.
 */
const SLAB = 16 * 1024 * 1024;

export class RegionMaker {
  private memory: SharedArrayBuffer | null = null;
  /** Where the rest of it begins, in entries. Entry 0 is none: frames and blocks are named by theirs. */
  private at = 1;

  /** Zeros of so many entries. */
  make(units: number): Region {
    const bytes = Slab.size(units + 1);
    if (this.memory === null || Slab.size(this.at + units) > this.memory.byteLength) {
      // Large ones have their own.
      if (bytes > SLAB / 2) return { memory: new SharedArrayBuffer(bytes), at: 1 };
      this.memory = new SharedArrayBuffer(SLAB);
      this.at = 1;
    }
    const region = { memory: this.memory, at: this.at };
    this.at += units;
    return region;
  }
}
