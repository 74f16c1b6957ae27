// A ring of records of any length in shared memory, for one writer and one reader in the same or in different threads. When
// it is full, the writer is told and does not wait.
//
//   state:  | head (next record to read) | tail (next free byte) |    byte positions modulo 2^32, written with Atomics by
//   data:   | record | record | pad ... |                             one side each
//   record: | length u32 | more of a header | bytes, padded to 8 |
//
// A record never wraps: what is left at the end of the ring becomes a pad record (length 0xffffffff).

const PAD = 0xffff_ffff;
/** Bytes at the beginning of the memory; words 0 and 8 are taken. */
export const RING_STATE = 64;
const HEAD = 0;
const TAIL = 8;

export class ByteRing {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  protected readonly state: Int32Array;
  private readonly capacity: number;
  private readonly header: number;
  private reserved = 0;

  /**
   * @param dataAt where the data begins in `memory`; from there on it is a power of two of bytes
   * @param header bytes before those of a record, a multiple of 8; the first four hold the length
   */
  constructor(memory: SharedArrayBuffer, dataAt: number, header: number) {
    this.memory = memory;
    this.state = new Int32Array(memory, 0, RING_STATE / 4);
    this.bytes = new Uint8Array(memory, dataAt);
    this.view = new DataView(memory, dataAt);
    this.capacity = this.bytes.length;
    this.header = header;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.state, HEAD) === Atomics.load(this.state, TAIL);
  }

  /** Writer: room for `length` bytes, as an offset into `bytes`, or -1 if the ring is full. */
  reserve(length: number): number {
    const tail = Atomics.load(this.state, TAIL) >>> 0;
    const used = (tail - (Atomics.load(this.state, HEAD) >>> 0)) >>> 0;
    const need = this.header + ((length + 7) & ~7);
    const at = tail % this.capacity;
    const toEnd = this.capacity - at;
    const pad = need > toEnd ? toEnd : 0;
    if (used + pad + need > this.capacity) return -1;
    if (pad > 0) this.view.setUint32(at, PAD);
    const record = (at + pad) % this.capacity;
    this.view.setUint32(record, length);
    this.reserved = pad + need;
    return record + this.header;
  }

  /** Writer: hands the reserved record to the reader. */
  commit(): void {
    Atomics.add(this.state, TAIL, this.reserved);
    this.reserved = 0;
  }

  /** Writer: wakes a reader that waits in `changed`. Once a burst. */
  notify(): void {
    Atomics.notify(this.state, TAIL);
  }

  /** Reader: offset of the oldest record's bytes in `bytes`, or -1. Valid until `release`. */
  peek(): number {
    for (;;) {
      const head = Atomics.load(this.state, HEAD) >>> 0;
      if (head === Atomics.load(this.state, TAIL) >>> 0) return -1;
      const at = head % this.capacity;
      if (this.view.getUint32(at) !== PAD) return at + this.header;
      Atomics.add(this.state, HEAD, this.capacity - at);
    }
  }

  /** Reader: bytes of the record at `at`. */
  stored(at: number): number {
    return this.view.getUint32(at - this.header);
  }

  /** Reader: gives the oldest record's room back. */
  release(at: number): void {
    Atomics.add(this.state, HEAD, this.header + ((this.stored(at) + 7) & ~7));
  }

  /** Reader: resolves when the writer notifies, at once if the ring is not empty, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
    const tail = Atomics.load(this.state, TAIL);
    if (Atomics.load(this.state, HEAD) !== tail) return;
    await Atomics.waitAsync(this.state, TAIL, tail, timeoutMs).value;
  }
}
