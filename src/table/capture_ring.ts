// Captured frames on their way from one worker of the data plane to the control plane: a ring in shared memory with one
// writer and one reader. When it is full frames are lost, and counted by port; the writer never waits.
//
//   state:  | head (next record to read) | tail (next free byte) |    byte positions modulo 2^32, one side writes each
//   lost:   | one word for each port |
//   data:   | record | record | pad ... |
//   record: | captured u32 | length u32 | time f64, ms | port u16 | direction u8 | reason u8 | age u8, 3 free | bytes, padded to 8 |
//
// A record never wraps: what is left at the end of the ring becomes a pad record (captured 0xffffffff).

const RECORD = 24;
const PAD = 0xffff_ffff;
const STATE = 64;
const HEAD = 0;
const TAIL = 8;

/** Bytes of a ring: some 60 super-frames, or 40,000 small frames. */
export const CAPTURE_RING = 4 << 20;

/** What happened to the frame, as a bit: captures ask for several. */
export const DIRECTIONS = { in: 1, out: 2, drop: 4 } as const;

export class CaptureRing {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly state: Int32Array;
  private readonly lost: Int32Array;
  private readonly capacity: number;
  private reserved = 0;

  /** A ring over memory from `CaptureRing.allocate`, with the same `maxPorts`. */
  constructor(memory: SharedArrayBuffer, maxPorts: number) {
    const dataAt = STATE + 4 * maxPorts;
    this.memory = memory;
    this.state = new Int32Array(memory, 0, STATE / 4);
    this.lost = new Int32Array(memory, STATE, maxPorts);
    this.bytes = new Uint8Array(memory, dataAt);
    this.view = new DataView(memory, dataAt);
    this.capacity = this.bytes.length;
  }

  /** @param capacity bytes, a power of two */
  static allocate(maxPorts: number, capacity = CAPTURE_RING): CaptureRing {
    return new CaptureRing(new SharedArrayBuffer(STATE + 4 * maxPorts + capacity), maxPorts);
  }

  /** Writer: room for `captured` bytes, as an offset into `bytes`, or -1 if the ring is full. */
  reserve(captured: number): number {
    const tail = Atomics.load(this.state, TAIL) >>> 0;
    const used = (tail - (Atomics.load(this.state, HEAD) >>> 0)) >>> 0;
    const need = RECORD + ((captured + 7) & ~7);
    const at = tail % this.capacity;
    const toEnd = this.capacity - at;
    const pad = need > toEnd ? toEnd : 0;
    if (used + pad + need > this.capacity) return -1;
    if (pad > 0) this.view.setUint32(at, PAD);
    const record = (at + pad) % this.capacity;
    this.view.setUint32(record, captured);
    this.reserved = pad + need;
    return record + RECORD;
  }

  /**
   * Writer: what the reserved record is about.
   * @param clock one word, ms: a fraction as an argument would be a heap object
   * @param direction one of DIRECTIONS
   * @param reason code of a drop plus one, 0 = none
   * @param age tells ports apart that have the same number one after the other
   */
  describe(
    at: number,
    clock: Float64Array,
    length: number,
    port: number,
    direction: number,
    reason: number,
    age: number,
  ): void {
    this.view.setUint32(at - 20, length);
    this.view.setFloat64(at - 16, clock[0]);
    this.view.setUint16(at - 8, port);
    this.view.setUint8(at - 6, direction);
    this.view.setUint8(at - 5, reason);
    this.view.setUint8(at - 4, age);
  }

  /** Writer: hands the reserved record to the reader. */
  commit(): void {
    Atomics.add(this.state, TAIL, this.reserved);
    this.reserved = 0;
  }

  /** Writer: there was no room for a frame of this port. */
  lose(port: number): void {
    this.lost[port]++;
  }

  /** Writer: wakes a reader that waits in `changed`. Once a poll. */
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

  /** Reader: what is known of the frame at `at`. */
  captured(at: number): number {
    return this.view.getUint32(at - RECORD);
  }
  length(at: number): number {
    return this.view.getUint32(at - 20);
  }
  time(at: number): number {
    return this.view.getFloat64(at - 16);
  }
  port(at: number): number {
    return this.view.getUint16(at - 8);
  }
  direction(at: number): number {
    return this.view.getUint8(at - 6);
  }
  reason(at: number): number {
    return this.view.getUint8(at - 5);
  }
  age(at: number): number {
    return this.view.getUint8(at - 4);
  }

  /** Reader: gives the oldest record's room back. */
  release(at: number): void {
    Atomics.add(this.state, HEAD, RECORD + ((this.captured(at) + 7) & ~7));
  }

  /** Reader: frames lost so far, by port. */
  lostOf(port: number): number {
    return this.lost[port] >>> 0;
  }

  /** Reader: resolves when the writer notifies, at once if the ring is not empty, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
    const tail = Atomics.load(this.state, TAIL);
    if (Atomics.load(this.state, HEAD) !== tail) return;
    await Atomics.waitAsync(this.state, TAIL, tail, timeoutMs).value;
  }
}
