// The memory port: an embedder's or a test's end of a port, connected to the switch by two rings in shared memory,
// so that it works the same with the engine in this thread and in a worker.
//
//   MemoryPort (user)  -- toSwitch -->  MemoryDevice (data plane)
//                      <- fromSwitch --

import type { Source } from '../engine/port.ts';
import { COLUMN, FRAME_ROOM, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { CopySink, NO_ROW, OK } from './copy_sink.ts';
import { FrameRing } from './frame_ring.ts';

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
export class MemoryDevice extends CopySink implements Source {
  private readonly port: number;
  private readonly toSwitch: FrameRing;
  private readonly fromSwitch: FrameRing;
  private readonly offloads: number;
  private readonly isShared: boolean;

  /** @param isShared whether other workers write to `fromSwitch`, too */
  constructor(
    port: number,
    toSwitch: SharedArrayBuffer,
    fromSwitch: SharedArrayBuffer,
    offloads: boolean,
    counters: Counters,
    isShared = false,
  ) {
    super(counters);
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

  protected offloadsOf(): number {
    return this.offloads;
  }

  protected room(batch: FrameBatch): number {
    return batch.aux;
  }

  protected emit(
    batch: FrameBatch,
    hop: number,
    macs: number,
    rest: number,
    length: number,
    tag: number,
    row: number,
    isLast: boolean,
  ): void {
    const ring = this.fromSwitch;
    const tagLength = tag === 0 ? 0 : TAG_LEN;
    if (this.isShared) ring.lock.take();
    const at = ring.reserve(length + tagLength);
    if (at >= 0) {
      const headerEnd = MACS_LEN + tagLength;
      copyBytes(batch.bytes, batch.view, macs, ring.bytes, ring.view, at, MACS_LEN);
      if (tag !== 0) ring.view.setInt32(at + MACS_LEN, tag);
      copyBytes(batch.bytes, batch.view, rest, ring.bytes, ring.view, at + headerEnd, length - MACS_LEN);
      const { rows } = batch;
      if (row === NO_ROW) ring.describe(at, 0, 0, 0, 0);
      else {
        const csumStart = rows[row + COLUMN.csumStart] === 0 ? 0 : rows[row + COLUMN.csumStart] + tagLength;
        ring.describe(
          at,
          rows[row + COLUMN.gsoType],
          rows[row + COLUMN.gsoSize],
          csumStart,
          rows[row + COLUMN.csumOffset],
        );
      }
      ring.commit();
    }
    if (this.isShared) ring.lock.release();
    this.settle(hop & PORT_MASK, at < 0 ? DROP.queue_full : OK, isLast, this.copyBytes, this.copySegments);
  }

  flush(): void {
    this.fromSwitch.notify();
  }
}

/**
 * Copies between two buffers; may write up to 3 bytes more, which both slots and ring records have room for. Short
 * copies go word by word, because `set` needs a `subarray` (50 ns and garbage on Node 20).
 */
function copyBytes(
  source: Uint8Array,
  sourceView: DataView,
  from: number,
  target: Uint8Array,
  targetView: DataView,
  to: number,
  length: number,
): void {
  if (length > 256) {
    target.set(source.subarray(from, from + length), to);
    return;
  }
  for (let k = 0; k < length; k += 4) targetView.setInt32(to + k, sourceView.getInt32(from + k));
}
