// The driver of a split virtqueue, virtio 1.2 section 2.7.
//
//   descriptors: | address 8 | length 4 | flags 2 | next 2 | ...
//   available:   | flags 2 | idx 2 | head 2 ... | used_event 2 |
//   used:        | flags 2 | idx 2 | id 4, length 4 ... | avail_event 2 |

import { availLen, DESC, DESC_LEN, NO_INTERRUPT, NO_NOTIFY, usedLen } from '../../wire/virtio.ts';
import type { GuestMemory } from './guest_memory.ts';
import {
  type Chain,
  DeviceError,
  type DriverRing,
  InFlight,
  MAX_CHAIN,
  NOTHING,
  needEvent,
  type RingAddresses,
  type RingOptions,
} from './ring.ts';

const FLAGS = 0;
const IDX = 1;
const RING = 2;

export class SplitRing implements DriverRing {
  readonly size: number;
  readonly addresses: RingAddresses;
  free: number;
  length = 0;
  /** Words of the descriptors; where `lies` write, too. */
  readonly descriptors: Int32Array;
  readonly available: Uint16Array;
  readonly used: Uint16Array;
  /** As the driver counts, modulo 2^16. */
  availableIndex = 0;
  private readonly usedWords: Int32Array;
  private readonly next: Uint16Array;
  private readonly flight: InFlight;
  private readonly tables: Int32Array;
  private readonly tablesAt: number;
  private readonly hasEventIndex: boolean;
  private readonly isIndirect: boolean;
  private head = 0;
  private published = 0;
  private usedIndex = 0;
  private seen = 0;

  constructor(memory: GuestMemory, { size, isIndirect, hasEventIndex }: RingOptions) {
    this.size = size;
    this.free = size;
    this.isIndirect = isIndirect;
    this.hasEventIndex = hasEventIndex;
    this.addresses = {
      descriptor: memory.allocate(size * DESC_LEN),
      available: memory.allocate(availLen(size)),
      used: memory.allocate(usedLen(size)),
    };
    const tables = isIndirect ? size * MAX_CHAIN : 0;
    this.tablesAt = memory.allocate(tables * DESC_LEN);
    this.tables = memory.words(this.tablesAt, tables * 4);
    this.descriptors = memory.words(this.addresses.descriptor, size * 4);
    this.available = memory.halves(this.addresses.available, availLen(size) / 2);
    this.used = memory.halves(this.addresses.used, usedLen(size) / 2);
    this.usedWords = memory.words(this.addresses.used, 1 + 2 * size);
    this.next = Uint16Array.from({ length: size }, (_, i) => i + 1);
    this.flight = new InFlight(size);
  }

  get outstanding(): number {
    return this.flight.count;
  }

  /** The device is to go on with what it has not used: that is right for one that uses chains in order. */
  get base(): number {
    return Atomics.load(this.used, IDX);
  }

  offer(chain: Chain, token: number): boolean {
    const isIndirect = this.isIndirect && chain.count > 1;
    const needed = isIndirect ? 1 : chain.count;
    if (needed > this.free) return false;
    const { head } = this;
    this.head = isIndirect ? this.writeIndirect(head, chain) : this.writeChain(head, chain);
    this.free -= needed;
    this.flight.put(head, chain, token, needed);
    this.available[RING + (this.availableIndex % this.size)] = head;
    this.availableIndex = (this.availableIndex + 1) & 0xffff;
    return true;
  }

  publish(): boolean {
    const old = this.published;
    const next = this.availableIndex;
    if (next === old) return false;
    this.published = next;
    Atomics.store(this.available, IDX, next);
    if (this.hasEventIndex) {
      return needEvent(Atomics.load(this.used, RING + 4 * this.size), next, old);
    }
    return (Atomics.load(this.used, FLAGS) & NO_NOTIFY) === 0;
  }

  take(): number {
    if (this.usedIndex === this.seen && !this.look()) return NOTHING;
    const at = 1 + 2 * (this.usedIndex % this.size);
    const id = this.usedWords[at] >>> 0;
    this.length = this.usedWords[at + 1];
    this.usedIndex = (this.usedIndex + 1) & 0xffff;
    const descriptors = this.flight.end(id, this.length);
    let last = id;
    for (let i = 1; i < descriptors; i++) last = this.next[last];
    this.next[last] = this.head;
    this.head = id;
    this.free += descriptors;
    return this.flight.tokens[id];
  }

  wantCalls(isWanted: boolean): void {
    if (!this.hasEventIndex) {
      Atomics.store(this.available, FLAGS, isWanted ? 0 : NO_INTERRUPT);
      return;
    }
    // half a turn ahead is as good as never
    const event = isWanted ? this.usedIndex : (this.usedIndex + 0x8000) & 0xffff;
    Atomics.store(this.available, RING + this.size, event);
  }

  /** Whether the device has used more. */
  private look(): boolean {
    this.seen = Atomics.load(this.used, IDX);
    const more = (this.seen - this.usedIndex) & 0xffff;
    if (more > this.flight.count) {
      throw new DeviceError(`The device used ${more} chains of ${this.flight.count} that it had`);
    }
    return more > 0;
  }

  /** Returns the next free descriptor. */
  private writeChain(head: number, chain: Chain): number {
    const write = chain.isWritable ? DESC.write : 0;
    let id = head;
    for (let i = 0; i < chain.count; i++) {
      const next = this.next[id];
      const isLast = i + 1 === chain.count;
      const tail = isLast ? write : write | DESC.next | (next << 16);
      set(this.descriptors, id, chain.address[i], chain.length[i], tail);
      id = next;
    }
    return id;
  }

  private writeIndirect(head: number, chain: Chain): number {
    const write = chain.isWritable ? DESC.write : 0;
    const first = head * MAX_CHAIN;
    for (let i = 0; i < chain.count; i++) {
      const tail = i + 1 === chain.count ? write : write | DESC.next | ((i + 1) << 16);
      set(this.tables, first + i, chain.address[i], chain.length[i], tail);
    }
    set(this.descriptors, head, this.tablesAt + first * DESC_LEN, chain.count * DESC_LEN, DESC.indirect);
    return this.next[head];
  }
}

/** A descriptor; `tail` is flags | next << 16. */
export function set(words: Int32Array, n: number, address: number, length: number, tail: number): void {
  const at = 4 * n;
  words[at] = address;
  words[at + 1] = address / 2 ** 32;
  words[at + 2] = length;
  words[at + 3] = tail;
}
