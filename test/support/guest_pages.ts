// Which pages of a fake guest's memory its back end has written: those of used rings and receive buffers that are not as
// they were.

import type { GuestDevice } from '../../src/tester/guest/device.ts';
import { PackedRing } from '../../src/tester/guest/packed_ring.ts';
import type { DriverRing } from '../../src/tester/guest/ring.ts';
import { LOG_PAGE } from '../../src/wire/vhost_user.ts';
import { DESC_LEN, usedLen } from '../../src/wire/virtio.ts';

interface Area {
  at: number;
  bytes: Uint8Array;
  before: Uint8Array;
}

export class WrittenPages {
  private readonly areas: Area[];

  /** As they are now. */
  constructor({ memory, vrings, receivers }: GuestDevice) {
    const rings = vrings
      .map(({ ring }) => usedArea(ring))
      .map(({ at, length }) => ({ at, bytes: memory.bytes(at, length) }));
    this.areas = [...rings, ...receivers].map(({ at, bytes }) => ({
      at,
      bytes,
      before: Uint8Array.from(bytes),
    }));
  }

  /** Guest addresses. */
  get changed(): number[] {
    return [...new Set(this.areas.flatMap(changedIn))];
  }

  /** Whether the back end may write to a page. */
  mayWrite(page: number): boolean {
    return this.areas.some(({ at, bytes }) => page + LOG_PAGE > at && page < at + bytes.length);
  }
}

function usedArea(ring: DriverRing): { at: number; length: number } {
  const { descriptor, used } = ring.addresses;
  if (ring instanceof PackedRing) return { at: descriptor, length: ring.size * DESC_LEN };
  return { at: used, length: usedLen(ring.size) };
}

function changedIn({ at, bytes, before }: Area): number[] {
  const pages: number[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = Math.min(bytes.length, LOG_PAGE - ((at + from) % LOG_PAGE) + from);
    if (!Buffer.from(bytes.subarray(from, end)).equals(before.subarray(from, end))) {
      pages.push(Math.floor((at + from) / LOG_PAGE) * LOG_PAGE);
    }
    from = end;
  }
  return pages;
}
