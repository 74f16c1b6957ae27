// The frames of one poll: their bytes in slots of one preallocated Buffer, and what is known of each in a row of words.
//
//   bytes:  | slot 0                               | slot 1 ... | spare | aux (headers, segments) | shaped | made | answers | own headers | MACs |
//           | HEADROOM | frame, up to FRAME_ROOM   |
//   rows:   | start rest length ingress ... user   | 16 words for each frame: one cache line
//
// Almost always a slot holds one frame; one read of a tunnel's socket may bring a train, and then each frame in it has a row.
// A source fills `start`, `length`, `ingress` and the offload columns; `classify` makes them describe the *untagged* frame.
// From then on bytes do not change, but for rows that `own` theirs. A frame is named by its `row`, the offset of its first word.

import { DEST_CONSUMED, MAX_PORTS } from './hop.ts';
import { COLUMN, MARK, MAX_ROUNDS, ROUND_ONE, ROW } from './row.ts';

export { ruleMark, withRuleMark } from './row.ts';
export { COLUMN, MARK, ROW };

/** Bytes of the two MAC addresses. */
const MACS = 12;
/** Room before the frame for a virtio-net header of up to 24 bytes, and for alignment. */
export const HEADROOM = 64;
/** MAC header, two tags, and the largest IP packet. */
export const FRAME_ROOM = 14 + 8 + 65_535;
/** Slot distance in bytes: headroom + frame + outer headers, rounded so that (STRIDE mod 4096) = 192. */
export const STRIDE = 16 * 4096 + 192;

/** Room for frames that leave a shaper, until they are sent: some super-frames, or a hundred usual ones. */
const SHAPED_ROOM = 4 * STRIDE;

/** Frames that the switch makes itself in one poll, at most: each answers a received one, and a batch has about as many. */
const MADE = 128;
/** Frames of the switch's own that take the stages, in one batch, at most: a router's answers. */
const ANSWERS = 128;
/** The largest is an ICMPv6 error, 1,280 bytes, behind a MAC header and the tags of the frame that it answers. */
export const MADE_ROOM = 1408;
/** Rows for copies that are shortened or have another address, in one poll, at most; and room for MACs of their own. */
const SHADOWS = 1024;
const SHADOW_MACS = 16;
/** Most frames in one slot: a train of datagrams has at most 128 (UDP_MAX_SEGMENTS), before Linux 6.9 64. */
export const FRAMES_PER_SLOT = 128;

/** Headers of its own that a row may have: a word that names the shared body, and the headers, up to the room's end. */
const OWN_ROOM = 640;
/** A frame of this length or less is copied whole. */
const OWN_WHOLE = OWN_ROOM - 8;
/** Of a longer one, this much, or of a GSO frame all that comes before the payload (at most MAX_GSO_HEADER). */
const OWN_HEAD = 512;

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
  /** No row comes in anew itself: each tells afterwards what it was, as a trace wants. */
  readonly keepsRows: boolean;
  /** Byte offset in `bytes` of the auxiliary area, and its size. */
  readonly aux: number;
  readonly auxLength: number;
  /** The same of what leaves a shaper, and the row of one frame of it. */
  readonly shapedAt: number;
  readonly shapedLength = SHAPED_ROOM;
  readonly shaped: number;
  /** Made frames of this poll. */
  madeCount = 0;
  /** Answers of this batch. */
  private answerCount = 0;
  /** Shadows of this poll. */
  private shadowCount = 0;
  private readonly madeAt: number;
  private readonly answersAt: number;
  private readonly ownAt: number;
  private readonly shadowMacsAt: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly rows: Int32Array;
  /** Rows that are to be routed, `listed` of them: first all, then those that came in anew, round by round. */
  readonly list: Int32Array;
  listed = 0;
  /** By port: what its frames cost beyond being read, in bytes. Whoever receives charges for it. */
  readonly owed: Int32Array;
  readonly owedBytes: Buffer;

  constructor(slots: number, auxLength: number, keepsRows = false) {
    this.slots = slots;
    this.keepsRows = keepsRows;
    this.spare = slots * FRAMES_PER_SLOT * ROW;
    this.aux = (slots + 1) * STRIDE;
    this.auxLength = auxLength;
    this.shapedAt = this.aux + auxLength;
    this.shaped = this.spare + ROW;
    this.madeAt = this.shapedAt + SHAPED_ROOM;
    this.answersAt = this.madeAt + MADE * MADE_ROOM;
    this.ownAt = this.answersAt + ANSWERS * MADE_ROOM;
    // Every row has its room for headers, so that room is never short. What is never written to stays untouched memory.
    this.shadowMacsAt = this.ownAt + (slots * FRAMES_PER_SLOT + SHADOWS) * OWN_ROOM;
    this.bytes = Buffer.alloc(this.shadowMacsAt + SHADOWS * SHADOW_MACS);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.owedBytes = Buffer.from(new ArrayBuffer(4 * MAX_PORTS));
    this.owed = new Int32Array(this.owedBytes.buffer);
    this.rows = new Int32Array(this.spare + (2 + MADE + SHADOWS) * ROW);
    this.list = new Int32Array((1 + MAX_ROUNDS) * slots * FRAMES_PER_SLOT);
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
    const row = this.spare + (2 + made) * ROW;
    this.rows[row + COLUMN.start] = this.madeAt + made * MADE_ROOM;
    return row;
  }

  /** Whether there is room for an answer, and a row. */
  get mayAnswer(): boolean {
    return this.answerCount < ANSWERS && this.freeRows > 0;
  }

  /**
   * Appends a row for a frame of the switch's own, of at most MADE_ROOM bytes at its `start`, as if it came in untagged
   * from `ingress`: it takes the stages. Only if `mayAnswer`. The caller sets `domain` or `tci`.
   */
  answer(ingress: number, length: number): number {
    const row = this.appendAt(this.answersAt + this.answerCount++ * MADE_ROOM, ingress, length);
    this.rows[row + COLUMN.rest] = this.rows[row + COLUMN.start] + MACS;
    this.list[this.listed++] = row;
    return row;
  }

  /**
   * A row for the first `length` bytes of the frame of `row`, which asks for nothing; -1 if there are enough in this poll.
   * Valid until the sinks have sent what is queued.
   */
  shadow(row: number, length: number): number {
    if (this.shadowCount === SHADOWS) return -1;
    const { rows } = this;
    const shadow = this.spare + (2 + MADE + this.shadowCount++) * ROW;
    this.copyRow(row, shadow);
    rows[shadow + COLUMN.length] = length;
    rows[shadow + COLUMN.gsoType] = 0;
    rows[shadow + COLUMN.gsoSize] = 0;
    rows[shadow + COLUMN.csumStart] = 0;
    return shadow;
  }

  /**
   * A row for the frame of `row`, which asks for nothing, to another group; -1 as for `shadow`. Its MACs lie apart. `user`
   * is the row that it was made from.
   */
  readdress(row: number, hi: number, lo: number): number {
    const { rows, view } = this;
    const macs = this.shadowMacsAt + this.shadowCount * SHADOW_MACS;
    const shadow = this.shadow(row, rows[row + COLUMN.length]);
    if (shadow < 0) return -1;
    const from = rows[row + COLUMN.start];
    view.setUint16(macs, hi);
    view.setInt32(macs + 2, lo);
    view.setUint16(macs + 6, view.getUint16(from + 6));
    view.setInt32(macs + 8, view.getInt32(from + 8));
    rows[shadow + COLUMN.start] = macs;
    rows[shadow + COLUMN.user] = row;
    return shadow;
  }

  /**
   * A row for the same frame whose headers are its own, so that one copy may differ from the others; -1 as for `shadow`.
   * Valid until the sinks have sent what is queued.
   */
  rewritable(row: number): number {
    if (this.shadowCount === SHADOWS) return -1;
    const shadow = this.spare + (2 + MADE + this.shadowCount) * ROW;
    this.copyRow(row, shadow);
    this.ownIn(shadow, this.slots * FRAMES_PER_SLOT + this.shadowCount++);
    return shadow;
  }

  /** Whether the frame of a row is one of `answer`, or a piece of one. */
  isAnswer(row: number): boolean {
    const at = this.isOwned(row) ? this.bodyAt(row) : this.rows[row + COLUMN.start];
    return at >= this.answersAt && at < this.ownAt;
  }

  /** Whether a row is one of `shadow` or `readdress`. */
  isShadow(row: number): boolean {
    return row > this.spare + (1 + MADE) * ROW;
  }

  /** The sinks have sent everything: rows that were made for them are free again. */
  forgetMade(): void {
    this.madeCount = 0;
    this.shadowCount = 0;
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
    rows[row + COLUMN.layers] = 0;
    rows[row + COLUMN.mark] = 0;
  }

  /**
   * Appends a row for the same frame, as if it came in anew from `ingress`: it takes the stages again, in the domain that
   * the caller sets (`domain`, `tci`). The old row is consumed. Returns the new row, or -1 beyond `maxRounds`, or if the
   * batch is full.
   */
  recirculate(row: number, ingress: number, maxRounds: number): number {
    const { rows } = this;
    const mark = rows[row + COLUMN.mark];
    if ((mark & MARK.round) >= maxRounds * ROUND_ONE || this.freeRows === 0) return -1;
    const next = this.count++ * ROW;
    this.copyRow(row, next);
    rows[row + COLUMN.dest] = DEST_CONSUMED;
    this.comeIn(next, ingress);
    return next;
  }

  /**
   * The same in the row itself, whose bytes nobody else has: the old row is no more, and whoever calls counts it as consumed.
   * False beyond `maxRounds`.
   */
  reenter(row: number, ingress: number, maxRounds: number): boolean {
    if ((this.rows[row + COLUMN.mark] & MARK.round) >= maxRounds * ROUND_ONE) return false;
    this.comeIn(row, ingress);
    return true;
  }

  private comeIn(row: number, ingress: number): void {
    const { rows } = this;
    rows[row + COLUMN.ingress] = ingress;
    rows[row + COLUMN.dest] = 0;
    rows[row + COLUMN.mark] = (rows[row + COLUMN.mark] & ~MARK.decided) + ROUND_ONE;
    this.list[this.listed++] = row;
  }

  /** Begins `list` with all rows. */
  listAll(): void {
    const { list, count } = this;
    for (let n = 0; n < count; n++) list[n] = n * ROW;
    this.listed = count;
  }

  /** Rows that may be appended. */
  get freeRows(): number {
    return this.slots * FRAMES_PER_SLOT - this.count;
  }

  /**
   * Appends a row like `row` for a frame of the first `head` bytes of its, and `length` bytes from its byte `from` on. The
   * headers are the new row's own. Only if there is a free row; what is not in the body of `row`, an owned frame or a whole
   * one, is at most OWN_HEAD bytes.
   */
  appendPiece(row: number, head: number, from: number, length: number): number {
    const { rows, bytes } = this;
    const next = this.count++ * ROW;
    this.copyRow(row, next);
    const start = rows[row + COLUMN.start];
    const rest = rows[row + COLUMN.rest];
    const before = this.headLength(row);
    const isSplit = before < rows[row + COLUMN.length];
    // Of an owned frame the first bytes of what is wanted may lie behind its headers.
    const near = isSplit ? Math.min(Math.max(before - from, 0), length) : 0;
    const body = isSplit ? this.bodyAt(row) + from + near - before : rest + from - MACS;
    const end = this.ownAt + (next / ROW + 1) * OWN_ROOM;
    const at = end - head - near;
    bytes.copyWithin(at, start, start + MACS);
    bytes.copyWithin(at + MACS, rest, rest + head - MACS);
    bytes.copyWithin(at + head, rest + from - MACS, rest + from - MACS + near);
    this.view.setInt32(end - OWN_ROOM, body);
    rows[next + COLUMN.start] = at;
    rows[next + COLUMN.rest] = at + MACS;
    rows[next + COLUMN.length] = head + length;
    rows[next + COLUMN.mark] &= ~MARK.shared;
    this.list[this.listed++] = next;
    return next;
  }

  /**
   * Makes the headers of `row` its own, so that they may be rewritten: nothing is copied unless the bytes are shared. The
   * frame is then up to three pieces: 12 bytes at `start`, what follows at `rest`, and from byte `headLength` on the body.
   * Once per row, and only while no copy of it is queued: who wants another version recirculates.
   */
  own(row: number): void {
    if ((this.rows[row + COLUMN.mark] & MARK.shared) === 0) return;
    this.ownIn(row, row / ROW);
  }

  /** @param room number of the room for headers */
  private ownIn(row: number, room: number): void {
    const { rows, bytes } = this;
    const length = rows[row + COLUMN.length];
    const start = rows[row + COLUMN.start];
    const rest = rows[row + COLUMN.rest];
    const isSplit = this.isOwned(row) && this.headLength(row) < length;
    const head = isSplit ? this.headLength(row) : this.headToOwn(row);
    const body = isSplit ? this.bodyAt(row) : rest + head - MACS;
    const end = this.ownAt + (room + 1) * OWN_ROOM;
    bytes.copyWithin(end - head, start, start + MACS);
    bytes.copyWithin(end - head + MACS, rest, rest + head - MACS);
    this.view.setInt32(end - OWN_ROOM, body);
    rows[row + COLUMN.start] = end - head;
    rows[row + COLUMN.rest] = end - head + MACS;
    rows[row + COLUMN.mark] &= ~MARK.shared;
  }

  private headToOwn(row: number): number {
    const { rows } = this;
    if (rows[row + COLUMN.length] <= OWN_WHOLE) return rows[row + COLUMN.length];
    return rows[row + COLUMN.gsoType] !== 0 ? rows[row + COLUMN.headerLength] : OWN_HEAD;
  }

  /** Whether the headers of `row` lie apart from its body, in room of its own. */
  isOwned(row: number): boolean {
    return this.rows[row + COLUMN.rest] >= this.ownAt;
  }

  /** Bytes of the untagged frame up to where its body begins; all of them unless it owns its headers. */
  headLength(row: number): number {
    const { rows } = this;
    const length = rows[row + COLUMN.length];
    const rest = rows[row + COLUMN.rest];
    if (rest < this.ownAt) return length;
    // A shadow may be shorter than the headers.
    return Math.min(length, OWN_ROOM - ((rest - this.ownAt) % OWN_ROOM) + MACS);
  }

  /** Byte offset of the body of a frame that owns its headers. */
  bodyAt(row: number): number {
    const rest = this.rows[row + COLUMN.rest];
    return this.view.getInt32(rest - ((rest - this.ownAt) % OWN_ROOM));
  }

  /** Writes the whole untagged frame of `row` to the byte offset `at`. Returns its length. */
  gather(row: number, at: number): number {
    const { rows, bytes, view } = this;
    const length = rows[row + COLUMN.length];
    const start = rows[row + COLUMN.start];
    const rest = rows[row + COLUMN.rest];
    const head = this.headLength(row);
    // Three words: 2 ns, where copyWithin takes 17.
    view.setInt32(at, view.getInt32(start));
    view.setInt32(at + 4, view.getInt32(start + 4));
    view.setInt32(at + 8, view.getInt32(start + 8));
    bytes.copyWithin(at + MACS, rest, rest + head - MACS);
    if (head < length) {
      const body = this.bodyAt(row);
      bytes.copyWithin(at + head, body, body + length - head);
    }
    return length;
  }

  /** Whether there is a row more than the free slots may need. */
  get hasSpareRow(): boolean {
    return this.count < this.used * FRAMES_PER_SLOT;
  }

  /** Puts the columns of one frame into the row of another. */
  copyRow(from: number, to: number): void {
    const { rows } = this;
    // 16 words: 8 ns, where copyWithin takes 17.
    for (let n = 0; n < ROW; n++) rows[to + n] = rows[from + n];
  }

  clear(): void {
    this.count = 0;
    this.used = 0;
    this.next = 0;
    this.answerCount = 0;
  }
}
