// The last drops of each port, headers only, in shared memory: one worker writes, the control plane reads.
//
//   port:   | records written so far u32 | 12 free | record 0 | ... | record 15 |
//   record: | sequence i32 | code u32 | time f64, ms | length u32 | captured u32 | 8 free | 128 bytes |
//
// A record is written between two steps of its sequence, which is odd meanwhile; a reader that finds it odd or changed
// leaves the record out. The memory is for every port that can be, and as long as nothing is written the kernel gives none.

/** Drops that are kept of each port. */
export const KEPT = 16;
/** Bytes that are kept of each: Ethernet, tags, IPv6 and TCP with options. */
export const HEAD_ROOM = 128;
/** Most drops that one worker keeps in a second: a flood costs no more than that. */
export const RATE = 1000;

const RECORD = 32 + HEAD_ROOM;
const RECORDS_AT = 16;
const PORT = RECORDS_AT + KEPT * RECORD;
const SECOND = 1000;

export interface DropRecord {
  /** Index into DROPS. */
  code: number;
  /** Monotonic, ms. */
  time: number;
  /** Bytes that the frame had; 0 if they were gone. */
  length: number;
  /** At most HEAD_ROOM of them. */
  bytes: Uint8Array;
}

export class LastDrops {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  private readonly view: DataView;
  /** When the current second began, and how many were kept in it. */
  private readonly second = new Float64Array([Number.NEGATIVE_INFINITY]);
  private kept = 0;

  /** @param memory from `LastDrops.allocate` */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory);
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
  }

  static allocate(maxPorts: number): LastDrops {
    return new LastDrops(new SharedArrayBuffer(maxPorts * PORT));
  }

  /** Writer: whether one more may be kept in this second. */
  admit(clock: Float64Array): boolean {
    if (clock[0] - this.second[0] >= SECOND) {
      this.second[0] = clock[0];
      this.kept = 0;
    }
    if (this.kept === RATE) return false;
    this.kept++;
    return true;
  }

  /** Writer: begins a record; returns where in `bytes` up to HEAD_ROOM bytes of the frame go. */
  begin(port: number, code: number, clock: Float64Array, length: number): number {
    const { words, view } = this;
    const at = port * PORT + RECORDS_AT + ((words[(port * PORT) / 4] >>> 0) % KEPT) * RECORD;
    Atomics.add(words, at / 4, 1);
    view.setUint32(at + 4, code);
    view.setFloat64(at + 8, clock[0]);
    view.setUint32(at + 16, length);
    view.setUint32(at + 20, Math.min(length, HEAD_ROOM));
    return at + 32;
  }

  /** Writer: ends the record that `begin` began at `at`. */
  end(port: number, at: number): void {
    Atomics.add(this.words, (at - 32) / 4, 1);
    Atomics.add(this.words, (port * PORT) / 4, 1);
  }

  /** Writer: the port's number will mean another port. */
  clear(port: number): void {
    if (this.words[(port * PORT) / 4] === 0) return;
    for (let n = 0; n < KEPT; n++) {
      const at = port * PORT + RECORDS_AT + n * RECORD;
      Atomics.add(this.words, at / 4, 2);
    }
    Atomics.store(this.words, (port * PORT) / 4, 0);
  }

  /** Reader: what is kept of a port, oldest first. */
  read(port: number): DropRecord[] {
    const written = Atomics.load(this.words, (port * PORT) / 4) >>> 0;
    const records: DropRecord[] = [];
    for (let n = Math.max(0, written - KEPT); n < written; n++) {
      const record = this.readRecord(port * PORT + RECORDS_AT + (n % KEPT) * RECORD);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  private readRecord(at: number): DropRecord | undefined {
    const { words, view, bytes } = this;
    const sequence = Atomics.load(words, at / 4);
    if ((sequence & 1) !== 0) return undefined;
    const captured = Math.min(view.getUint32(at + 20), HEAD_ROOM);
    const record = {
      code: view.getUint32(at + 4),
      time: view.getFloat64(at + 8),
      length: view.getUint32(at + 16),
      bytes: bytes.slice(at + 32, at + 32 + captured),
    };
    return Atomics.load(words, at / 4) === sequence ? record : undefined;
  }
}
