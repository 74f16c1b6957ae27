// Copies of frames for those who look on: passes that the engine runs only while a capture is active. Each capture asks
// for some ports and directions, has a BPF program and a snapshot length, and a ring that loses what does not fit.
//
//   in:    rows when they are decided, as received; what is to be dropped is known already and told
//   out:   copies just before their queue is drained, with the tag that they leave with
//   drop:  frames and copies when they are dropped, as received

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DIRECT, DEST_VALUE, isDrop, MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { CaptureRing, DIRECTIONS } from '../table/capture_ring.ts';
import type { DropPass } from '../table/counters.ts';
import { type BpfInstruction, BpfProgram } from '../wire/bpf.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { copyBytes } from './copy_bytes.ts';
import { type EgressPass, type IngressPass, receivedLength } from './passes.ts';
import { COPY, COPY_WORDS, type EgressQueue } from './port.ts';
import type { Topology } from './topology.ts';
import { WholeFrame } from './whole_frame.ts';

/** More than any frame has. */
const KEEP_ALL = 0x7fff_ffff;

/** Captures at a time. */
export const MAX_CAPTURES = 4;

/** What a capture asks for, ready to be sent to the data plane. */
export interface CaptureSpec {
  id: number;
  /** A ring for each worker: memory of a `CaptureRing`. */
  rings: SharedArrayBuffer[];
  /**
   * A byte for each port: 0 = not captured, else the age that its frames are marked with. The control plane may change
   * it at any time.
   */
  ports: SharedArrayBuffer;
  /** Bits of DIRECTIONS. */
  directions: number;
  /** null = every frame. */
  program: readonly BpfInstruction[] | null;
  snaplen: number;
  /** Frames after which it is over; 0 = never. */
  count: number;
}

class Capture {
  readonly id: number;
  readonly ring: CaptureRing;
  readonly ports: Uint8Array;
  readonly directions: number;
  readonly program: BpfProgram | null;
  readonly snaplen: number;
  /** Frames still to be captured; -1 = no end. */
  left: number;
  /** Whether the reader is to be woken. */
  hasNew = false;

  /** @throws RangeError if the program is not one */
  constructor(spec: CaptureSpec, worker: number) {
    this.id = spec.id;
    this.ring = new CaptureRing(spec.rings[worker], MAX_PORTS);
    this.ports = new Uint8Array(spec.ports);
    this.directions = spec.directions;
    this.program = spec.program === null ? null : new BpfProgram(spec.program);
    this.snaplen = spec.snaplen;
    this.left = spec.count === 0 ? -1 : spec.count;
  }

  wants(direction: number, port: number): boolean {
    return (this.directions & direction) !== 0 && this.ports[port] !== 0 && this.left !== 0;
  }
}

export class Captures implements IngressPass, EgressPass, DropPass {
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  private readonly active: Capture[] = [];
  private readonly whole = new WholeFrame();

  /** @param clock the engine's: one word, ms */
  constructor(batch: FrameBatch, clock: Float64Array) {
    this.batch = batch;
    this.clock = clock;
  }

  get isActive(): boolean {
    return this.active.length > 0;
  }

  /** @throws RangeError if there are too many, or the program is not one */
  start(spec: CaptureSpec, worker: number): void {
    if (this.active.length === MAX_CAPTURES)
      throw new RangeError(`At most ${MAX_CAPTURES} captures at a time`);
    this.active.push(new Capture(spec, worker));
  }

  stop(id: number): void {
    const at = this.active.findIndex((capture) => capture.id === id);
    if (at >= 0) this.active.splice(at, 1);
  }

  /** Received rows when they are decided. */
  rows(_topology: Topology, from: number, to: number): void {
    const { rows } = this.batch;
    for (let n = 0; n < this.active.length; n++) {
      const capture = this.active[n];
      if ((capture.directions & DIRECTIONS.in) === 0) continue;
      for (let row = from; row < to; row += ROW) {
        const port = rows[row + COLUMN.ingress] & PORT_MASK;
        if (!capture.wants(DIRECTIONS.in, port)) continue;
        const dest = rows[row + COLUMN.dest];
        if (dest === DEST_DIRECT) continue; // the host's own, on its way out
        const reason = isDrop(dest) ? (dest & DEST_VALUE) + 1 : 0;
        this.takeReceived(capture, row, port, DIRECTIONS.in, reason);
      }
    }
  }

  /** Copies of a queue before it is drained. */
  copies(_topology: Topology, queue: EgressQueue, from: number): void {
    for (let n = 0; n < this.active.length; n++) {
      const capture = this.active[n];
      if ((capture.directions & DIRECTIONS.out) === 0) continue;
      const end = queue.count * COPY_WORDS;
      for (let at = from * COPY_WORDS; at < end; at += COPY_WORDS) {
        const port = queue.copies[at + COPY.hop] & PORT_MASK;
        if (capture.wants(DIRECTIONS.out, port)) {
          this.takeCopy(capture, queue.copies[at + COPY.row], port, queue.copies[at + COPY.tag]);
        }
      }
    }
  }

  /** A frame or a copy that is dropped; `row` -1 if its bytes are gone. */
  dropped(row: number, port: number, code: number): void {
    if (row < 0) return;
    for (let n = 0; n < this.active.length; n++) {
      const capture = this.active[n];
      if (capture.wants(DIRECTIONS.drop, port)) {
        this.takeReceived(capture, row, port, DIRECTIONS.drop, code + 1);
      }
    }
  }

  /** Wakes the readers of what this poll captured. */
  notify(): void {
    for (let n = 0; n < this.active.length; n++) {
      const capture = this.active[n];
      if (!capture.hasNew) continue;
      capture.hasNew = false;
      capture.ring.notify();
    }
  }

  private takeReceived(capture: Capture, row: number, port: number, direction: number, reason: number): void {
    const { batch, whole } = this;
    if (batch.isOwned(row)) {
      const length = whole.gather(batch, row);
      this.take(capture, whole.bytes, whole.view, 0, MACS_LEN, length, 0, port, direction, reason);
      return;
    }
    const start = batch.rows[row + COLUMN.start];
    const length = receivedLength(batch, row);
    this.take(capture, batch.bytes, batch.view, start, start + MACS_LEN, length, 0, port, direction, reason);
  }

  private takeCopy(capture: Capture, row: number, port: number, tag: number): void {
    const { batch, whole } = this;
    const { rows } = batch;
    const tagLength = tag === 0 ? 0 : TAG_LEN;
    if (batch.isOwned(row)) {
      const length = whole.gather(batch, row) + tagLength;
      this.take(capture, whole.bytes, whole.view, 0, MACS_LEN, length, tag, port, DIRECTIONS.out, 0);
      return;
    }
    const start = rows[row + COLUMN.start];
    const rest = rows[row + COLUMN.rest];
    const length = rows[row + COLUMN.length] + tagLength;
    this.take(capture, batch.bytes, batch.view, start, rest, length, tag, port, DIRECTIONS.out, 0);
  }

  /** Captures the frame `12 bytes at start | tag unless 0 | what follows at rest`, of `length` bytes in all. */
  private take(
    capture: Capture,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    rest: number,
    length: number,
    tag: number,
    port: number,
    direction: number,
    reason: number,
  ): void {
    const { program, ring } = capture;
    const keep = program === null ? KEEP_ALL : program.run(view, start, rest, length, tag);
    if (keep === 0) return;
    const captured = Math.min(length, capture.snaplen, keep < 0 ? KEEP_ALL : keep);
    const at = ring.reserve(captured);
    if (at < 0) {
      ring.lose(port);
      return;
    }
    const head = tag === 0 ? MACS_LEN : MACS_LEN + TAG_LEN;
    ring.describe(at, this.clock, length, port, direction, reason, capture.ports[port]);
    copyBytes(bytes, start, ring.bytes, at, Math.min(captured, MACS_LEN));
    for (let k = MACS_LEN; k < head && k < captured; k++) ring.bytes[at + k] = tag >>> ((15 - k) << 3);
    if (captured > head) copyBytes(bytes, rest, ring.bytes, at + head, captured - head);
    ring.commit();
    if (capture.left > 0) capture.left -= 1;
    capture.hasNew = true;
  }
}
