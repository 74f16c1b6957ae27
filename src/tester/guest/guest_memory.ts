// The memory of a fake guest: regions, each a memfd of its own, with the addresses that the guest has for them and those
// that its hypervisor has. Both are made up, and far apart, so that a back end which takes one for the other is found out.
//
//   guest:  | region 0 |    4 GiB apart   | region 1 |            room is handed out upwards, and never taken back
//   user:   0x5500_0000_0000 + the same

import { SharedMemory } from '../../sys/shared_memory.ts';
import type { MemoryRegion } from '../../wire/vhost_user.ts';

const GAP = 2 ** 32;
const FIRST = 0x10_0000;
const USER = 0x5500_0000_0000;
const PAGE = 4096;

export class GuestRegion {
  readonly memory: SharedMemory;
  readonly guest: number;
  readonly size: number;
  private used = 0;

  constructor(guest: number, size: number, offset: number) {
    this.memory = SharedMemory.create('taploom-guest', size, offset);
    this.guest = guest;
    this.size = size;
  }

  allocate(bytes: number, align: number): number {
    const at = Math.ceil(this.used / align) * align;
    if (at + bytes > this.size) throw new RangeError(`A fake guest has no room for ${bytes} bytes more`);
    this.used = at + bytes;
    return this.guest + at;
  }

  /** As a back end is told of it. */
  get description(): MemoryRegion {
    return {
      guestAddress: BigInt(this.guest),
      size: BigInt(this.size),
      userAddress: BigInt(userAddress(this.guest)),
      mmapOffset: BigInt(this.memory.offset),
    };
  }
}

/** Where the hypervisor would have a guest's address. */
export function userAddress(guest: number): number {
  return USER + guest;
}

export class GuestMemory {
  readonly regions: GuestRegion[] = [];
  private made = 0;

  /** Each region begins a page further into its file than the one before. */
  constructor(sizes: readonly number[]) {
    for (const size of sizes) this.add(size);
  }

  add(size: number): GuestRegion {
    const index = this.made++;
    const whole = Math.ceil(size / PAGE) * PAGE;
    const region = new GuestRegion(FIRST + index * GAP, whole, index * PAGE);
    this.regions.push(region);
    return region;
  }

  /** Its pages are the caller's to give back. */
  remove(region: GuestRegion): void {
    this.regions.splice(this.regions.indexOf(region), 1);
  }

  /** A guest address. @param region counted from the end if negative */
  allocate(bytes: number, align = 64, region = 0): number {
    const from = this.regions.at(region);
    if (from === undefined) throw new RangeError(`A fake guest has no region ${region}`);
    return from.allocate(bytes, align);
  }

  bytes(address: number, length: number): Uint8Array {
    const { buffer, byteOffset } = this.find(address, length);
    return new Uint8Array(buffer, byteOffset, length);
  }

  halves(address: number, count: number): Uint16Array {
    const { buffer, byteOffset } = this.find(address, count * 2);
    return new Uint16Array(buffer, byteOffset, count);
  }

  words(address: number, count: number): Int32Array {
    const { buffer, byteOffset } = this.find(address, count * 4);
    return new Int32Array(buffer, byteOffset, count);
  }

  /** End of the last region. */
  get end(): number {
    return Math.max(...this.regions.map(({ guest, size }) => guest + size));
  }

  close(): void {
    for (const { memory } of this.regions) memory.close();
  }

  private find(address: number, length: number): { buffer: ArrayBuffer; byteOffset: number } {
    const region = this.regions.find(
      ({ guest, size }) => address >= guest && address + length <= guest + size,
    );
    if (region === undefined) throw new RangeError(`A fake guest has no memory at ${address}`);
    const { buffer, byteOffset } = region.memory.bytes;
    return { buffer: buffer as ArrayBuffer, byteOffset: byteOffset + address - region.guest };
  }
}
