// The driver of a packed virtqueue, virtio 1.2 section 2.8.
//
//   descriptors:     | address 8 | length 4 | id 2 | flags 2 | ...         used ones are written over them
//   event structure: | offset and wrap 2 | flags 2 |                       one of the driver, one of the device
//
// A descriptor is the device's if AVAIL is the driver's wrap counter and USED is not; it is used if both are.

import { DESC, DESC_LEN, EVENT } from '../../wire/virtio.ts';
import type { GuestMemory } from './guest_memory.ts';
import {
  type Chain,
  type DriverRing,
  InFlight,
  MAX_CHAIN,
  NOTHING,
  needEvent,
  type RingAddresses,
  type RingOptions,
} from './ring.ts';

const WRAP = 0x8000;
const OFFSET = 0;
const FLAGS = 1;
// Halves of a descriptor.
const HALVES = 8;
const ID = 6;
const DESC_FLAGS = 7;

export class PackedRing implements DriverRing {
  readonly size: number;
  readonly addresses: RingAddresses;
  free: number;
  length = 0;
  /** Words and halves of the descriptors; where `lies` write, too. */
  readonly descriptors: Int32Array;
  readonly halves: Uint16Array;
  next = 0;
  wrap = 1;
  private readonly driver: Uint16Array;
  private readonly device: Uint16Array;
  private readonly ids: Uint16Array;
  private idCount: number;
  private readonly flight: InFlight;
  private readonly tables: Int32Array;
  private readonly tablesAt: number;
  private readonly isIndirect: boolean;
  private readonly hasEventIndex: boolean;
  private added = 0;
  /** The first chain since `publish`, and its flags: without them the device does not see those behind it either. */
  private firstAt = 0;
  private firstFlags = 0;
  private nextUsed = 0;
  private usedWrap = 1;

  constructor(memory: GuestMemory, { size, isIndirect, hasEventIndex }: RingOptions) {
    this.size = size;
    this.free = size;
    this.isIndirect = isIndirect;
    this.hasEventIndex = hasEventIndex;
    this.addresses = {
      descriptor: memory.allocate(size * DESC_LEN),
      available: memory.allocate(4),
      used: memory.allocate(4),
    };
    const tables = isIndirect ? size * MAX_CHAIN : 0;
    this.tablesAt = memory.allocate(tables * DESC_LEN);
    this.tables = memory.words(this.tablesAt, tables * 4);
    this.descriptors = memory.words(this.addresses.descriptor, size * 4);
    this.halves = memory.halves(this.addresses.descriptor, size * HALVES);
    this.driver = memory.halves(this.addresses.available, 2);
    this.device = memory.halves(this.addresses.used, 2);
    this.ids = Uint16Array.from({ length: size }, (_, i) => size - 1 - i);
    this.idCount = size;
    this.flight = new InFlight(size);
  }

  get outstanding(): number {
    return this.flight.count;
  }

  /** Both positions are behind what was used: that is right for a device that uses chains in order. */
  get base(): number {
    const position = this.nextUsed | (this.usedWrap ? WRAP : 0);
    return (position | (position << 16)) >>> 0;
  }

  offer(chain: Chain, token: number): boolean {
    const isIndirect = this.isIndirect && chain.count > 1;
    const needed = isIndirect ? 1 : chain.count;
    if (needed > this.free) return false;
    const id = this.ids[--this.idCount];
    this.free -= needed;
    this.flight.put(id, chain, token, needed);
    if (isIndirect) this.writeIndirect(id, chain);
    else this.writeChain(id, chain);
    this.added += needed;
    return true;
  }

  publish(): boolean {
    const { added } = this;
    this.added = 0;
    if (added === 0) return false;
    Atomics.store(this.halves, this.firstAt, this.firstFlags);
    const flags = Atomics.load(this.device, FLAGS);
    if (!this.hasEventIndex || flags !== EVENT.desc) return flags !== EVENT.disable;
    const event = this.device[OFFSET];
    const isThisTurn = ((event & WRAP) !== 0) === (this.wrap === 1);
    const at = (event & ~WRAP) - (isThisTurn ? 0 : this.size);
    return needEvent(at & 0xffff, this.next, this.next - added);
  }

  take(): number {
    const at = this.nextUsed * HALVES;
    const flags = Atomics.load(this.halves, at + DESC_FLAGS);
    const isUsed = (flags & DESC.used) !== 0;
    if (isUsed !== ((flags & DESC.avail) !== 0) || isUsed !== (this.usedWrap === 1)) return NOTHING;
    const id = this.halves[at + ID];
    // Without WRITE the length means nothing (2.8.5).
    this.length = (flags & DESC.write) === 0 ? 0 : this.descriptors[this.nextUsed * 4 + 2];
    const descriptors = this.flight.end(id, this.length);
    this.ids[this.idCount++] = id;
    this.free += descriptors;
    this.nextUsed += descriptors;
    if (this.nextUsed >= this.size) {
      this.nextUsed -= this.size;
      this.usedWrap ^= 1;
    }
    return this.flight.tokens[id];
  }

  wantCalls(isWanted: boolean): void {
    if (isWanted && this.hasEventIndex) {
      this.driver[OFFSET] = this.nextUsed | (this.usedWrap ? WRAP : 0);
      Atomics.store(this.driver, FLAGS, EVENT.desc);
    } else {
      Atomics.store(this.driver, FLAGS, isWanted ? EVENT.enable : EVENT.disable);
    }
  }

  /** AVAIL and USED of a descriptor that is the device's from now on. */
  get availableBits(): number {
    return this.wrap === 1 ? DESC.avail : DESC.used;
  }

  /** One descriptor further; the driver's wrap counter turns at the end. */
  step(): void {
    this.next++;
    if (this.next < this.size) return;
    this.next = 0;
    this.wrap ^= 1;
  }

  private writeChain(id: number, chain: Chain): void {
    const write = chain.isWritable ? DESC.write : 0;
    const head = this.next;
    let headFlags = 0;
    for (let i = 0; i < chain.count; i++) {
      const flags = write | (i + 1 < chain.count ? DESC.next : 0) | this.availableBits;
      this.write(this.next, chain.address[i], chain.length[i], id);
      if (i === 0) headFlags = flags;
      else this.halves[this.next * HALVES + DESC_FLAGS] = flags;
      this.step();
    }
    this.finish(head, headFlags);
  }

  private writeIndirect(id: number, chain: Chain): void {
    const write = chain.isWritable ? DESC.write : 0;
    const first = id * MAX_CHAIN;
    for (let i = 0; i < chain.count; i++) {
      const at = 4 * (first + i);
      this.tables[at] = chain.address[i];
      this.tables[at + 1] = chain.address[i] / 2 ** 32;
      this.tables[at + 2] = chain.length[i];
      this.tables[at + 3] = write << 16;
    }
    const flags = DESC.indirect | this.availableBits;
    this.write(this.next, this.tablesAt + first * DESC_LEN, chain.count * DESC_LEN, id);
    this.finish(this.next, flags);
    this.step();
  }

  /** The flags of a chain's first descriptor come last: with them the device has it, if it has those before it. */
  private finish(head: number, flags: number): void {
    const at = head * HALVES + DESC_FLAGS;
    if (this.added > 0) {
      this.halves[at] = flags;
    } else {
      this.firstAt = at;
      this.firstFlags = flags;
    }
  }

  /** All but the flags, with which it would be the device's. */
  private write(n: number, address: number, length: number, id: number): void {
    const at = 4 * n;
    this.descriptors[at] = address;
    this.descriptors[at + 1] = address / 2 ** 32;
    this.descriptors[at + 2] = length;
    this.halves[n * HALVES + ID] = id;
  }
}
