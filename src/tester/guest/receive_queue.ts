// What a fake guest receives: a buffer of guest memory for each chain that it offers. A frame lies in one of them, or, with
// mergeable buffers, in as many as its first says.

import * as virtioNet from '../../wire/virtio_net.ts';
import type { GuestMemory } from './guest_memory.ts';
import { Chain, DeviceError, type DriverRing, NOTHING } from './ring.ts';
import type { FrameHeader } from './transmit_queue.ts';

/** A frame that a fake guest got, with its virtio-net header. */
export interface ReceivedFrame {
  bytes: Uint8Array;
  header: FrameHeader & { flags: number };
  /** In which it lay. */
  buffers: number;
}

export interface ReceiveOptions {
  header: number;
  isMergeable: boolean;
  /** Bytes of a buffer, the header counted. */
  buffer: number;
  /** Descriptors of a chain. */
  pieces: number;
  region: number;
}

const NUM_BUFFERS = 10;

export class ReceiveQueue {
  readonly ring: DriverRing;
  received = 0;
  receivedBytes = 0;
  private readonly header: number;
  private readonly isMergeable: boolean;
  private readonly size: number;
  private readonly pieces: number;
  /** Guest address of the buffers. */
  readonly at: number;
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly chain = new Chain();
  /** Of a frame that has not come whole: slots, and bytes in each. */
  private readonly slots: number[] = [];
  private readonly lengths: number[] = [];

  constructor(ring: DriverRing, memory: GuestMemory, options: ReceiveOptions) {
    const { header, isMergeable, buffer, pieces, region } = options;
    this.ring = ring;
    this.header = header;
    this.isMergeable = isMergeable;
    this.size = buffer;
    this.pieces = pieces;
    this.at = memory.allocate(ring.size * buffer, 64, region);
    this.bytes = memory.bytes(this.at, ring.size * buffer);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.chain.isWritable = true;
    for (let slot = 0; slot < ring.size && this.offer(slot); slot++);
  }

  /** The next frame, copied; undefined: none has come. Its buffers are offered again. Throws DeviceError. */
  receive(): ReceivedFrame | undefined {
    const { slots, lengths } = this;
    do {
      const slot = this.ring.take();
      if (slot === NOTHING) return undefined;
      slots.push(slot);
      lengths.push(this.ring.length);
    } while (slots.length < this.buffersOf(slots[0], lengths[0]));
    const at = slots[0] * this.size;
    const frame = { bytes: this.gather(), header: this.headerAt(at), buffers: slots.length };
    for (const slot of slots) this.offer(slot);
    slots.length = 0;
    lengths.length = 0;
    this.count(frame.bytes.length);
    return frame;
  }

  /** Takes up to `limit` frames without looking at them; returns how many. */
  drain(limit: number): number {
    for (let n = 0; n < limit; n++) {
      const slot = this.ring.take();
      if (slot === NOTHING) return n;
      let { length } = this.ring;
      const buffers = this.buffersOf(slot, length);
      for (let i = 1; i < buffers; i++) {
        const more = this.ring.take();
        if (more === NOTHING) throw new DeviceError('The device used fewer buffers than a frame has');
        length += this.ring.length;
        this.offer(more);
      }
      this.offer(slot);
      this.count(length - this.header);
    }
    return limit;
  }

  private count(bytes: number): void {
    this.received++;
    this.receivedBytes += bytes;
  }

  private buffersOf(slot: number, length: number): number {
    if (length < this.header) throw new DeviceError(`The device used a buffer with ${length} bytes in it`);
    if (!this.isMergeable) return 1;
    const buffers = this.view.getUint16(slot * this.size + NUM_BUFFERS, true);
    if (buffers === 0 || buffers > this.ring.size) {
      throw new DeviceError(`The device says that a frame lies in ${buffers} buffers`);
    }
    return buffers;
  }

  private gather(): Uint8Array {
    const { slots, lengths, header } = this;
    const total = lengths.reduce((sum, length) => sum + length, 0) - header;
    const frame = new Uint8Array(total);
    let done = 0;
    for (const [i, slot] of slots.entries()) {
      const from = slot * this.size + (i === 0 ? header : 0);
      const end = slot * this.size + lengths[i];
      frame.set(this.bytes.subarray(from, end), done);
      done += end - from;
    }
    return frame;
  }

  private headerAt(at: number): ReceivedFrame['header'] {
    const { view } = this;
    return {
      flags: virtioNet.flags(view, at),
      gsoType: virtioNet.gsoType(view, at),
      gsoSize: virtioNet.gsoSize(view, at),
      hdrLen: virtioNet.hdrLen(view, at),
      csumStart: virtioNet.csumStart(view, at),
      csumOffset: virtioNet.csumOffset(view, at),
    };
  }

  private offer(slot: number): boolean {
    const { chain, pieces } = this;
    const at = this.at + slot * this.size;
    const piece = Math.ceil(this.size / pieces);
    chain.count = 0;
    for (let from = 0; from < this.size; from += piece) {
      chain.add(at + from, Math.min(piece, this.size - from));
    }
    return this.ring.offer(chain, slot);
  }
}
