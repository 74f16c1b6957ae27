// The network device as a fake guest has it: guest memory, pairs of queues in it, and for each ring the descriptors by
// which the two sides wake each other. It knows no socket: it outlives connections, as a guest does.

import { closeFd, createWake, signalWake } from '../../sys/wake.ts';
import { FEATURE } from '../../wire/virtio.ts';
import { GuestMemory } from './guest_memory.ts';
import { PackedRing } from './packed_ring.ts';
import { ReceiveQueue } from './receive_queue.ts';
import { type DriverRing, MAX_CHAIN } from './ring.ts';
import { SplitRing } from './split_ring.ts';
import { strideOf, TransmitQueue } from './transmit_queue.ts';

export interface DeviceOptions {
  /** As negotiated. */
  features: bigint;
  queuePairs: number;
  ringSize: number;
  maxFrame: number;
  /** Bytes of a receive buffer; 0: as the features want it. */
  receiveBuffer: number;
  /** Descriptors of a receive buffer. */
  receivePieces: number;
  /** With 2, rings and buffers lie in different regions. */
  memoryRegions: number;
}

/** A ring and how it is woken. Number 2n receives, 2n + 1 sends. */
export interface Vring {
  readonly index: number;
  readonly ring: DriverRing;
  readonly kick: number;
  readonly call: number;
}

const SMALL_BUFFER = 2048;
const LEGACY_HEADER = 10;
const HEADER = 12;
/** Bytes that a ring's descriptors and what belongs to them take at most, for each descriptor. */
const RING_BYTES = 32;
/** For whoever wants to write something of his own. */
const SPARE = 65_536;

export class GuestDevice {
  readonly memory: GuestMemory;
  readonly receivers: ReceiveQueue[] = [];
  readonly transmitters: TransmitQueue[] = [];
  readonly vrings: Vring[] = [];

  constructor(options: DeviceOptions) {
    const { features, queuePairs, ringSize, maxFrame } = options;
    const has = (bit: bigint): boolean => (features & bit) !== 0n;
    const isMergeable = has(FEATURE.mrgRxbuf);
    const header = isMergeable || has(FEATURE.version1) ? HEADER : LEGACY_HEADER;
    const isLarge = has(FEATURE.guestTso4 | FEATURE.guestTso6) && !isMergeable;
    const buffer = options.receiveBuffer || (isLarge ? header + maxFrame : SMALL_BUFFER);
    const stride = strideOf({ header, maxFrame });
    const isIndirect = has(FEATURE.indirectDesc);
    const table = isIndirect ? 16 * MAX_CHAIN : 0;
    const rings = 2 * queuePairs * (ringSize * (RING_BYTES + table) + 1024) + SPARE;
    const buffers = queuePairs * (ringSize * (buffer + stride) + 1024);
    this.memory = new GuestMemory(options.memoryRegions > 1 ? [rings, buffers] : [rings + buffers]);
    const make = (): DriverRing => {
      const Ring = has(FEATURE.ringPacked) ? PackedRing : SplitRing;
      return new Ring(this.memory, { size: ringSize, isIndirect, hasEventIndex: has(FEATURE.eventIdx) });
    };
    for (let pair = 0; pair < queuePairs; pair++) {
      const [rx, tx] = [this.addRing(make()), this.addRing(make())];
      const pieces = options.receivePieces;
      this.receivers.push(
        new ReceiveQueue(rx, this.memory, { header, isMergeable, buffer, pieces, region: -1 }),
      );
      const isHeaderApart = !has(FEATURE.version1 | FEATURE.anyLayout);
      this.transmitters.push(
        new TransmitQueue(tx, this.memory, { header, isHeaderApart, maxFrame, region: -1 }),
      );
    }
  }

  /** Shows a ring's device what was offered, and tells it if it wants to be told. */
  publish(index: number): void {
    const { ring, kick } = this.vrings[index];
    if (ring.publish()) signalWake(kick);
  }

  close(): void {
    for (const { kick, call } of this.vrings) {
      closeFd(kick);
      closeFd(call);
    }
    this.memory.close();
  }

  private addRing(ring: DriverRing): DriverRing {
    this.vrings.push({ index: this.vrings.length, ring, kick: createWake(), call: createWake() });
    return ring;
  }
}
