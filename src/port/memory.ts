// The memory port: an embedder's or a test's end of a port, connected to the switch by two rings in shared memory,
// so that it works the same with the engine in this thread and in a worker.
//
//   MemoryPort (user)  -- toSwitch -->  MemoryDevice (data plane)
//                      <- fromSwitch --

import { COPY, COPY_WORDS, type EgressQueue, type Sink, type Source } from '../engine/port.ts';
import { COLUMN, FRAME_ROOM, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { copyWords } from './copy_words.ts';
import { Emission, NO_ROW, SCRATCH_ROOM, type Scratch } from './emission.ts';
import { FrameRing } from './frame_ring.ts';
import { OK, Settlement } from './settlement.ts';

const ALL_OFFLOADS = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6 | OFFLOAD.ecn | OFFLOAD.uso;

/** What a virtio-net header says of a frame, offsets from the frame's start. Absent = a complete, ordinary frame. */
export interface Offload {
  /** virtio-net gso_type: 0 none, 1 TCP/IPv4, 4 TCP/IPv6, 5 UDP. */
  gsoType?: number;
  /** Payload bytes per segment. */
  gsoSize?: number;
  /** Checksum from here to the end ... */
  csumStart: number;
  /** ... and write it here, counted from `csumStart`. */
  csumOffset: number;
}

/** A frame that the switch sent through a memory port. */
export interface ReceivedFrame {
  bytes: Uint8Array;
  offload?: Offload;
}

/** The user's end. */
export class MemoryPort {
  readonly name: string;
  private readonly toSwitch: FrameRing;
  private readonly fromSwitch: FrameRing;
  private readonly wake: () => void;

  /** @internal */
  constructor(name: string, toSwitch: FrameRing, fromSwitch: FrameRing, wake: () => void) {
    this.name = name;
    this.toSwitch = toSwitch;
    this.fromSwitch = fromSwitch;
    this.wake = wake;
  }

  /**
   * Hands one Ethernet frame (no FCS) to the switch. False if the ring is full: the frame was not taken, and is not
   * counted.
   * @throws RangeError if the frame is longer than a slot
   */
  send(frame: Uint8Array, offload?: Offload): boolean {
    if (frame.length > FRAME_ROOM)
      throw new RangeError(`Frame of ${frame.length} bytes: at most ${FRAME_ROOM}`);
    const at = this.toSwitch.reserve(frame.length);
    if (at < 0) return false;
    this.toSwitch.bytes.set(frame, at);
    this.toSwitch.describe(
      at,
      offload?.gsoType ?? 0,
      offload?.gsoSize ?? 0,
      offload?.csumStart ?? 0,
      offload?.csumOffset ?? 0,
    );
    this.toSwitch.commit();
    this.wake();
    return true;
  }

  /** The next frame from the switch, or undefined. The bytes are a copy of the caller's own. */
  receive(): ReceivedFrame | undefined {
    const ring = this.fromSwitch;
    const at = ring.peek();
    if (at < 0) return undefined;
    const bytes = ring.bytes.slice(at, at + ring.length(at));
    const frame: ReceivedFrame = { bytes };
    if (ring.csumStart(at) !== 0 || ring.gsoType(at) !== 0) {
      frame.offload = {
        gsoType: ring.gsoType(at),
        gsoSize: ring.gsoSize(at),
        csumStart: ring.csumStart(at),
        csumOffset: ring.csumOffset(at),
      };
    }
    ring.release(at);
    return frame;
  }

  /** Waits until `receive` has something, or `timeoutMs` have passed. */
  async received(timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    await this.fromSwitch.changed(timeoutMs);
  }
}

/** The data plane's end. */
export class MemoryDevice implements Source, Sink, Scratch {
  private readonly emission: Emission;
  private readonly settlement: Settlement;
  private readonly port: number;
  private readonly toSwitch: FrameRing;
  private readonly fromSwitch: FrameRing;
  private readonly offloads: number;
  private readonly isShared: boolean;
  /** Since the last `flush`. */
  private hasWritten = false;

  /** @param isShared whether other workers write to `fromSwitch`, too */
  constructor(
    port: number,
    toSwitch: SharedArrayBuffer,
    fromSwitch: SharedArrayBuffer,
    offloads: boolean,
    counters: Counters,
    isShared = false,
  ) {
    this.emission = new Emission(this);
    this.settlement = new Settlement(counters);
    this.port = port;
    this.toSwitch = new FrameRing(toSwitch);
    this.fromSwitch = new FrameRing(fromSwitch);
    this.offloads = offloads ? ALL_OFFLOADS : 0;
    this.isShared = isShared;
  }

  isReady(): boolean {
    return !this.toSwitch.isEmpty;
  }

  receive(batch: FrameBatch, limit: number): void {
    const { rows } = batch;
    const ring = this.toSwitch;
    for (let n = 0; n < limit; n++) {
      const from = ring.peek();
      if (from < 0) return;
      const length = ring.length(from);
      const row = batch.append(this.port, length);
      copyBytes(ring.bytes, ring.view, from, batch.bytes, batch.view, batch.frameAt(row), length);
      rows[row + COLUMN.gsoType] = ring.gsoType(from);
      rows[row + COLUMN.gsoSize] = ring.gsoSize(from);
      rows[row + COLUMN.csumStart] = ring.csumStart(from);
      rows[row + COLUMN.csumOffset] = ring.csumOffset(from);
      ring.release(from);
    }
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { emission, offloads, settlement } = this;
    const { copies } = queue;
    for (let at = 0; at < queue.count * COPY_WORDS; at += COPY_WORDS) {
      const hop = copies[at + COPY.hop];
      const port = hop & PORT_MASK;
      const row = copies[at + COPY.row];
      if (!emission.begin(batch, row, hop, copies[at + COPY.tag], offloads))
        settlement.refuse(row, port, DROP.bad_packet);
      while (emission.next(batch)) {
        const drop = this.put(batch) ? OK : DROP.queue_full;
        settlement.settle(row, port, drop, emission.isLast, emission.bytes, emission.segments);
      }
    }
    queue.count = 0;
  }

  /** An emission is copied before the next one is built. */
  room(batch: FrameBatch): number {
    return batch.aux + batch.auxLength - SCRATCH_ROOM;
  }

  /** Writes the emission into the ring; false if that is full. */
  private put(batch: FrameBatch): boolean {
    const { macs, rest, length, head, body, tag, row } = this.emission;
    const ring = this.fromSwitch;
    const tagLength = tag === 0 ? 0 : TAG_LEN;
    if (this.isShared) ring.lock.take();
    const at = ring.reserve(length + tagLength);
    if (at >= 0) {
      const headerEnd = MACS_LEN + tagLength;
      copyBytes(batch.bytes, batch.view, macs, ring.bytes, ring.view, at, MACS_LEN);
      if (tag !== 0) ring.view.setInt32(at + MACS_LEN, tag);
      copyBytes(batch.bytes, batch.view, rest, ring.bytes, ring.view, at + headerEnd, head - MACS_LEN);
      if (head < length)
        copyBytes(batch.bytes, batch.view, body, ring.bytes, ring.view, at + tagLength + head, length - head);
      describe(batch, row, ring, at, tagLength);
      ring.commit();
      this.hasWritten = true;
    }
    if (this.isShared) ring.lock.release();
    return at >= 0;
  }

  flush(): void {
    if (!this.hasWritten) return;
    this.hasWritten = false;
    this.fromSwitch.notify();
  }
}

/** What the frame of `row` asks for, behind a tag of `tagLength` bytes, for the record at `at`. */
function describe({ rows }: FrameBatch, row: number, ring: FrameRing, at: number, tagLength: number): void {
  if (row === NO_ROW) {
    ring.describe(at, 0, 0, 0, 0);
    return;
  }
  const csumStart = rows[row + COLUMN.csumStart] === 0 ? 0 : rows[row + COLUMN.csumStart] + tagLength;
  ring.describe(
    at,
    rows[row + COLUMN.gsoType],
    rows[row + COLUMN.gsoSize],
    csumStart,
    rows[row + COLUMN.csumOffset],
  );
}

/** Long copies go by `set`, in spite of its `subarray`. */
function copyBytes(
  source: Uint8Array,
  sourceView: DataView,
  from: number,
  target: Uint8Array,
  targetView: DataView,
  to: number,
  length: number,
): void {
  if (length > 256) target.set(source.subarray(from, from + length), to);
  else copyWords(sourceView, from, targetView, to, length);
}
