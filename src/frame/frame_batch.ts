// The frames of one poll: their bytes in slots of one preallocated Buffer, and what is known of them in rows.
//
//   bytes:  | slot 0                               | slot 1 ... | spare | aux (headers, segments) | made |
//           | HEADROOM | frame, up to FRAME_ROOM   |
//   rows:   | start rest length ingress ... dest   | 16 words for each frame: one cache line
//
// Almost always a slot holds one frame; but one read of a tunnel's socket may bring a train of datagrams, and then each
// frame in it has a row. A source writes frames into slots and fills `start`, `length`, `ingress` and the offload columns.
// `classify` rewrites the columns so that they describe the *untagged* frame; from then on the bytes do not change, and an
// egress copy is a descriptor: 12 MAC bytes at `start`, the egress tag, and everything from `rest` on.
//
// A frame is named by its `row`, the offset of its first word in `rows`. One array instead of one for each column: the
// 15 base addresses did not fit the registers, and the engine was a fifth slower (Node 20).
// The stride is not a multiple of 4,096: otherwise every frame's header lands in the same cache set.

/** Room before the frame for a virtio-net header of up to 24 bytes, and for alignment. */
export const HEADROOM = 64;
/** MAC header, two tags, and the largest IP packet. */
export const FRAME_ROOM = 14 + 8 + 65_535;
/** Slot distance in bytes: headroom + frame + outer headers, rounded so that (STRIDE mod 4096) = 192. */
export const STRIDE = 16 * 4096 + 192;

/** Frames that the switch makes itself in one poll, at most: each answers a received one, and a batch has about as many. */
const MADE = 64;
/** The largest is an ICMPv6 error, 1,280 bytes, behind a MAC header and the tags of the frame that it answers. */
export const MADE_ROOM = 1408;
/** Most frames in one slot: a train of datagrams has at most 128 (UDP_MAX_SEGMENTS), before Linux 6.9 64. */
export const FRAMES_PER_SLOT = 128;

/** Words in a row. */
export const ROW = 16;

/** What the words of a row are. */
export const COLUMN = {
  /** Byte offset of the destination MAC in `bytes`. */
  start: 0,
  /** Byte offset of the EtherType that follows the MACs and the stripped tag, if there was one. */
  rest: 1,
  /** From a source: bytes received. After classify: bytes of the untagged frame, 12 + what follows `rest`. */
  length: 2,
  /** Next hop through which the frame would be answered: port, and behind a VXLAN port the remote. */
  ingress: 3,
  /** 0 = undecided, or what `decide` and earlier stages chose: see hop.ts. */
  dest: 4,
  /** Domain << 8 | flags of the ingress port in it: the word of Topology.vlan. */
  domain: 5,
  /** VLAN of the domain, with PCP and DEI of the ingress tag: the TCI with which the frame would leave tagged. */
  tci: 6,
  /** virtio-net gso_type, 0 = none, and payload bytes per segment. */
  gsoType: 7,
  gsoSize: 8,
  /** Checksum to complete from here on; 0 = none. Offset from the frame's start, untagged after classify. */
  csumStart: 9,
  csumOffset: 10,
  /** GSO only: bytes before the payload (MAC, IP and TCP or UDP header) of the untagged frame. */
  headerLength: 11,
} as const;

export class FrameBatch {
  /** Frames in this batch: rows 0 .. count-1. */
  count = 0;
  /** Slots 0 .. used-1 are taken. */
  used = 0;
  /** The first frame that the current poll has not replicated yet. */
  next = 0;

  /** Slots for received frames. One more, slot number `slots`, is spare: fault injection builds frames there. */
  readonly slots: number;
  /** The row of the frame in the spare slot, behind FRAMES_PER_SLOT rows for each other slot. */
  readonly spare: number;
  /** Byte offset in `bytes` of the auxiliary area, and its size. */
  readonly aux: number;
  readonly auxLength: number;
  /** Made frames of this poll. */
  madeCount = 0;
  private readonly madeAt: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly rows: Int32Array;

  constructor(slots: number, auxLength: number) {
    this.slots = slots;
    this.spare = slots * FRAMES_PER_SLOT * ROW;
    this.aux = (slots + 1) * STRIDE;
    this.auxLength = auxLength;
    this.madeAt = this.aux + auxLength;
    this.bytes = Buffer.alloc(this.madeAt + MADE * MADE_ROOM);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    // What is never written to stays untouched memory.
    this.rows = new Int32Array(this.spare + (1 + MADE) * ROW);
  }

  /** Slots that are left for sources. */
  get free(): number {
    return this.slots - this.used;
  }

  /** Where a source puts the first byte into slot number `slot`. */
  slotAt(slot: number): number {
    return slot * STRIDE + HEADROOM;
  }

  /** Takes the next slot; returns where its first byte goes. */
  takeSlot(): number {
    return this.slotAt(this.used++);
  }

  /** Takes the next slot for a frame of `length` bytes, without offload request; returns its row. */
  append(ingress: number, length: number): number {
    return this.appendAt(this.takeSlot(), ingress, length);
  }

  /**
   * A row for a frame of the switch's own, of at most MADE_ROOM bytes at its `start`; -1 if there are enough in this
   * poll. Valid until the sinks have sent what is queued. The caller sets all other columns.
   */
  make(): number {
    if (this.madeCount === MADE) return -1;
    const made = this.madeCount++;
    const row = this.spare + (1 + made) * ROW;
    this.rows[row + COLUMN.start] = this.madeAt + made * MADE_ROOM;
    return row;
  }

  /** Byte offset of the frame of `row`. */
  frameAt(row: number): number {
    return this.rows[row + COLUMN.start];
  }

  /** Makes a row for a frame at `start` in a slot that is taken, at most FRAMES_PER_SLOT for each; returns it. */
  appendAt(start: number, ingress: number, length: number): number {
    const row = this.count++ * ROW;
    this.describe(row, start, ingress, length);
    return row;
  }

  /** Sets the columns of a frame without offload request. */
  describe(row: number, start: number, ingress: number, length: number): void {
    const { rows } = this;
    rows[row + COLUMN.start] = start;
    rows[row + COLUMN.length] = length;
    rows[row + COLUMN.ingress] = ingress;
    rows[row + COLUMN.dest] = 0;
    rows[row + COLUMN.gsoType] = 0;
    rows[row + COLUMN.gsoSize] = 0;
    rows[row + COLUMN.csumStart] = 0;
    rows[row + COLUMN.csumOffset] = 0;
  }

  /** Whether there is a row more than the free slots may need. */
  get hasSpareRow(): boolean {
    return this.count < this.used * FRAMES_PER_SLOT;
  }

  /** Puts the columns of one frame into the row of another. */
  copyRow(from: number, to: number): void {
    this.rows.copyWithin(to, from, from + ROW);
  }

  clear(): void {
    this.count = 0;
    this.used = 0;
    this.next = 0;
  }
}
