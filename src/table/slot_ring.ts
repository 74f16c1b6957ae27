// A ring of slots in shared memory, for one writer and one reader in different threads: frames on their way to the host
// and from it, and what is said about each.
//
//   state:  | head (next to read) | tail (next to write) | ... 64 bytes |      counts, each written by one side
//   slot:   | SLOT_WORDS words, META | bytes, up to SLOT_BYTES |

/** Slots: what ports may say at once while the reader does something else for some milliseconds. */
const SLOTS = 1024;
/** The largest frame of a protocol, 1,518 bytes, and some. Longer frames are cut; `original` tells. */
export const SLOT_BYTES = 2016;
const SLOT_WORDS = 8;
const STRIDE = SLOT_BYTES + SLOT_WORDS * 4;
const STATE = 64;
const HEAD = 0;
const TAIL = 8;

/** What the words of a slot are. */
export const META = {
  /** Bytes in the slot, and of the frame. */
  length: 0,
  original: 1,
  /** To the host: port that received it. From the host: next hop through which it leaves, or port that it seems to come from. */
  port: 2,
  /** To the host: bit of Topology.traps. From the host: SEND, RELAY, FLOOD, SEND_IN or SAY. */
  reason: 3,
  /** To the host: domain, 0 = none. */
  domain: 4,
  /** To the host: TPID << 16 | TCI of the tag that was taken off, 0 = none. */
  tag: 5,
  /** To the host: what else there is to say, by the reason; 0 = nothing. */
  detail: 6,
} as const;

/** The host sends out of a port, past all tables. */
export const SEND = 1;
/** The frame comes in as if the port had received it. */
export const RELAY = 2;
/** The frame goes to all of a domain, `META.domain` with the VLAN `META.tag`, as if nobody had sent it. */
export const FLOOD = 3;
/** The frame leaves through a port as one of a domain does, with the tag that the port has for the VLAN `META.tag`. */
export const SEND_IN = 4;
/** The frame comes in as with RELAY, and the switch itself says it. */
export const SAY = 5;

export class SlotRing {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** All memory as words: META of the slot at byte offset `at` begins at words[at / 4]. */
  readonly words: Int32Array;

  /** @param memory of `SlotRing.allocate` */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.words = new Int32Array(memory);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(STATE + SLOTS * STRIDE);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.words, HEAD) === Atomics.load(this.words, TAIL);
  }

  /** Writer: whether half of the slots wait to be read. */
  get isHalfFull(): boolean {
    return ((Atomics.load(this.words, TAIL) - Atomics.load(this.words, HEAD)) | 0) >= SLOTS / 2;
  }

  /** Writer: byte offset of the next slot, whose bytes begin at `bytesAt` of it; -1 = the ring is full. */
  reserve(): number {
    const tail = Atomics.load(this.words, TAIL);
    if (((tail - Atomics.load(this.words, HEAD)) | 0) >= SLOTS) return -1;
    return slotAt(tail);
  }

  /** Writer: hands the reserved slot to the reader. */
  commit(): void {
    Atomics.add(this.words, TAIL, 1);
  }

  /** Writer: wakes a reader in `changed`. */
  notify(): void {
    Atomics.notify(this.words, TAIL);
  }

  /** Reader: byte offset of the oldest slot, or -1. Valid until `release`. */
  peek(): number {
    const head = Atomics.load(this.words, HEAD);
    return head === Atomics.load(this.words, TAIL) ? -1 : slotAt(head);
  }

  /** Reader: gives the oldest slot back. */
  release(): void {
    Atomics.add(this.words, HEAD, 1);
  }

  /** Reader: resolves when there is something. */
  async changed(): Promise<void> {
    const tail = Atomics.load(this.words, TAIL);
    if (Atomics.load(this.words, HEAD) !== tail) return;
    await Atomics.waitAsync(this.words, TAIL, tail).value;
  }
}

/** Byte offset of a slot's frame. */
export function bytesAt(slot: number): number {
  return slot + SLOT_WORDS * 4;
}

function slotAt(count: number): number {
  return STATE + (count & (SLOTS - 1)) * STRIDE;
}
