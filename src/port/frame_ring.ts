// A ring of frames in shared memory, for one writer and one reader in the same or in different threads. Several writers
// take turns by `lock`.
//
//   state:  | head (next record to read) | tail (next free byte) | lock | byte positions modulo 2^32, written with
//   data:   | record | record | pad ... |                                 Atomics by one side each
//   record: | length u32 | csumStart u16 | csumOffset u16 | gsoSize u16 | gsoType u8 | 0 u8 | pad u32 | frame |
//
// A record never wraps: what is left at the end of the ring becomes a pad record (length 0xffffffff).

import { FRAME_ROOM } from '../frame/frame_batch.ts';
import { Lock } from '../table/lock.ts';

const RECORD = 16;
const PAD = 0xffff_ffff;
const STATE = 64;
const HEAD = 0;
const TAIL = 8;
const LOCK = 12;

export class FrameRing {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Writers, if there are several: from `reserve` to `commit`. */
  readonly lock: Lock;
  private readonly state: Int32Array;
  private readonly capacity: number;
  private reserved = 0;

  /** A ring over memory from `FrameRing.allocate`. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.state = new Int32Array(memory, 0, STATE / 4);
    this.lock = new Lock(this.state, LOCK);
    this.bytes = new Uint8Array(memory, STATE);
    this.view = new DataView(memory, STATE);
    this.capacity = this.bytes.length;
  }

  /** @param capacity bytes, a power of two of at least 256 KiB, so that the largest frame always fits an empty ring */
  static allocate(capacity: number): FrameRing {
    if (capacity < 3 * FRAME_ROOM || (capacity & (capacity - 1)) !== 0) {
      throw new RangeError(`Frame ring of ${capacity} bytes: must be a power of two, at least 262144`);
    }
    return new FrameRing(new SharedArrayBuffer(STATE + capacity));
  }

  get isEmpty(): boolean {
    return Atomics.load(this.state, HEAD) === Atomics.load(this.state, TAIL);
  }

  /** Writer: room for a frame of `length` bytes, as an offset into `bytes`, or -1 if the ring is full. */
  reserve(length: number): number {
    const tail = Atomics.load(this.state, TAIL) >>> 0;
    const used = (tail - (Atomics.load(this.state, HEAD) >>> 0)) >>> 0;
    const need = RECORD + ((length + 7) & ~7);
    const at = tail % this.capacity;
    const toEnd = this.capacity - at;
    const pad = need > toEnd ? toEnd : 0;
    if (used + pad + need > this.capacity) return -1;
    if (pad > 0) this.view.setUint32(at, PAD);
    const record = (at + pad) % this.capacity;
    this.view.setUint32(record, length);
    this.reserved = pad + need;
    return record + RECORD;
  }

  /** Writer: the offload columns of the reserved record. */
  describe(at: number, gsoType: number, gsoSize: number, csumStart: number, csumOffset: number): void {
    this.view.setUint16(at - 12, csumStart);
    this.view.setUint16(at - 10, csumOffset);
    this.view.setUint16(at - 8, gsoSize);
    this.view.setUint8(at - 6, gsoType);
  }

  /** Writer: hands the reserved record to the reader. */
  commit(): void {
    Atomics.add(this.state, TAIL, this.reserved);
    this.reserved = 0;
  }

  /** Writer: wakes a reader that waits in `changed`. Once per burst. */
  notify(): void {
    Atomics.notify(this.state, TAIL);
  }

  /** Reader: offset of the oldest frame in `bytes`, or -1. Valid until `release`. */
  peek(): number {
    for (;;) {
      const head = Atomics.load(this.state, HEAD) >>> 0;
      if (head === Atomics.load(this.state, TAIL) >>> 0) return -1;
      const at = head % this.capacity;
      if (this.view.getUint32(at) !== PAD) return at + RECORD;
      Atomics.add(this.state, HEAD, this.capacity - at);
    }
  }

  /** Reader: columns of the frame at `at`. */
  length(at: number): number {
    return this.view.getUint32(at - RECORD);
  }
  csumStart(at: number): number {
    return this.view.getUint16(at - 12);
  }
  csumOffset(at: number): number {
    return this.view.getUint16(at - 10);
  }
  gsoSize(at: number): number {
    return this.view.getUint16(at - 8);
  }
  gsoType(at: number): number {
    return this.view.getUint8(at - 6);
  }

  /** Reader: gives the oldest record's room back. */
  release(at: number): void {
    Atomics.add(this.state, HEAD, RECORD + ((this.length(at) + 7) & ~7));
  }

  /** Reader: resolves when the writer notifies, at once if the ring is not empty, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
    const tail = Atomics.load(this.state, TAIL);
    if (Atomics.load(this.state, HEAD) !== tail) return;
    await Atomics.waitAsync(this.state, TAIL, tail, timeoutMs).value;
  }
}
