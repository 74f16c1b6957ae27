// What a fake guest sends: a slot of guest memory for each descriptor of the ring, virtio-net header and frame in one piece
// or in many.

import * as virtioNet from '../../wire/virtio_net.ts';
import type { GuestMemory } from './guest_memory.ts';
import { Chain, type DriverRing, MAX_CHAIN, NOTHING } from './ring.ts';

/** Fields of the virtio-net header; all 0 = a finished frame. */
export interface FrameHeader {
  gsoType: number;
  gsoSize: number;
  hdrLen: number;
  /** 0: no checksum is left to complete. */
  csumStart: number;
  csumOffset: number;
}

export const FINISHED: FrameHeader = { gsoType: 0, gsoSize: 0, hdrLen: 0, csumStart: 0, csumOffset: 0 };

export interface TransmitOptions {
  /** Bytes of header. */
  header: number;
  /** The header has a descriptor of its own: legacy drivers must do so. */
  isHeaderApart: boolean;
  maxFrame: number;
  /** Of memory, for the slots. */
  region: number;
}

export class TransmitQueue {
  readonly ring: DriverRing;
  /** Frames that were offered. */
  sent = 0;
  private readonly header: number;
  private readonly isHeaderApart: boolean;
  private readonly maxFrame: number;
  private readonly stride: number;
  private readonly at: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly lengths: Int32Array;
  private readonly slots: Uint16Array;
  private slotCount: number;
  private readonly chain = new Chain();

  constructor(ring: DriverRing, memory: GuestMemory, options: TransmitOptions) {
    this.ring = ring;
    this.header = options.header;
    this.isHeaderApart = options.isHeaderApart;
    this.maxFrame = options.maxFrame;
    this.stride = strideOf(options);
    this.at = memory.allocate(ring.size * this.stride, 64, options.region);
    this.bytes = memory.bytes(this.at, ring.size * this.stride);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.lengths = new Int32Array(ring.size);
    this.slots = Uint16Array.from({ length: ring.size }, (_, i) => i);
    this.slotCount = ring.size;
  }

  /**
   * Puts a frame into the ring; `publish` shows it. false: the ring is full.
   * @param piece bytes of each buffer after the header's own; 0: one buffer
   */
  send(frame: Uint8Array, header: FrameHeader = FINISHED, piece = 0): boolean {
    if (frame.length > this.maxFrame) throw new RangeError(`A frame of ${frame.length} bytes has no room`);
    if (this.slotCount === 0 && this.reclaim() === 0) return false;
    const slot = this.slots[--this.slotCount];
    this.write(slot, frame, header);
    if (this.offer(slot, piece) || (this.reclaim() > 0 && this.offer(slot, piece))) return true;
    this.slots[this.slotCount++] = slot;
    return false;
  }

  /** Writes the same frame into every slot, for `repeat`. The device must have none of them. */
  fill(frame: Uint8Array, header: FrameHeader = FINISHED): void {
    for (let slot = 0; slot < this.ring.size; slot++) this.write(slot, frame, header);
  }

  /** Offers up to `count` frames as `fill` left them, without touching them; returns how many. */
  repeat(count: number): number {
    this.reclaim();
    for (let n = 0; n < count; n++) {
      if (this.slotCount === 0 || !this.offer(this.slots[this.slotCount - 1], 0)) return n;
      this.slotCount--;
    }
    return count;
  }

  /** Takes back what the device has sent; returns how many. Throws DeviceError. */
  reclaim(): number {
    let count = 0;
    for (let slot = this.ring.take(); slot !== NOTHING; slot = this.ring.take()) {
      this.slots[this.slotCount++] = slot;
      count++;
    }
    return count;
  }

  private write(slot: number, frame: Uint8Array, header: FrameHeader): void {
    const at = slot * this.stride;
    const { gsoType, gsoSize, hdrLen, csumStart, csumOffset } = header;
    virtioNet.write(this.view, at, gsoType, gsoSize, hdrLen, csumStart, csumOffset);
    this.bytes.set(frame, at + this.header);
    this.lengths[slot] = frame.length;
  }

  private offer(slot: number, piece: number): boolean {
    const { chain, header } = this;
    const at = this.at + slot * this.stride;
    const length = this.lengths[slot];
    chain.count = 0;
    if (piece === 0 && !this.isHeaderApart) {
      chain.add(at, header + length);
    } else {
      chain.add(at, header);
      const size = piece === 0 ? length : Math.max(piece, Math.ceil(length / (MAX_CHAIN - 1)));
      for (let done = 0; done < length; done += size) {
        chain.add(at + header + done, Math.min(size, length - done));
      }
    }
    if (!this.ring.offer(chain, slot)) return false;
    this.sent++;
    return true;
  }
}

/** Bytes of a slot. */
export function strideOf({ header, maxFrame }: { header: number; maxFrame: number }): number {
  return Math.ceil((header + maxFrame) / 64) * 64;
}
