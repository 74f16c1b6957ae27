// The log in which a back end notes the pages that it writes while a guest is moved: a bit for each, from guest address 0 on.

import { SharedMemory } from '../../sys/shared_memory.ts';
import { LOG_PAGE } from '../../wire/vhost_user.ts';

export class DirtyLog {
  readonly memory: SharedMemory;

  /** @param end of guest memory */
  constructor(end: number) {
    const bytes = Math.ceil(end / LOG_PAGE / 8);
    this.memory = SharedMemory.create('taploom-log', Math.ceil(bytes / LOG_PAGE) * LOG_PAGE);
  }

  has(guestAddress: number): boolean {
    const page = Math.floor(guestAddress / LOG_PAGE);
    return (this.memory.bytes[page >>> 3] & (1 << (page & 7))) !== 0;
  }

  /** Guest addresses of the pages that were written since the last time. */
  collect(): number[] {
    const bytes = new Int32Array(
      this.memory.bytes.buffer,
      this.memory.bytes.byteOffset,
      this.memory.size / 4,
    );
    const pages: number[] = [];
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === 0) continue;
      const word = Atomics.exchange(bytes, i, 0);
      for (let bit = 0; bit < 32; bit++) if (word & (1 << bit)) pages.push((i * 32 + bit) * LOG_PAGE);
    }
    return pages;
  }

  close(): void {
    this.memory.close();
  }
}
