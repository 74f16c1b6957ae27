// Lies that nobody thought of: random chains, scribbling in rings, random messages, between frames as they should be. The
// same seed does the same again.

import { closeFds } from '../../../sys/rights.ts';
import { createWake, signalWake } from '../../../sys/wake.ts';
import { message, NEED_REPLY, REPLY, REQUEST, vringState } from '../../../wire/vhost_user.ts';
import { availLen, DESC, DESC_LEN, usedLen } from '../../../wire/virtio.ts';
import type { FakeGuest } from '../fake_guest.ts';
import { BackEndError } from '../front_end.ts';
import { PackedRing } from '../packed_ring.ts';
import { DeviceError } from '../ring.ts';
import { put, type RawDescriptor } from './lie.ts';
import { liesFor } from './lies.ts';

const MOST_FRAMES = 4;
const MOST_DESCRIPTORS = 8;
const MOST_SCRIBBLES = 6;

/** mulberry32: a number from 0 to below 1, from a state of 32 bits. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A guest that does anything, honest or not, at random: the same seed does the same. */
export class LieFuzzer {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  /** One thing that a guest may do, honest or not; returns its name. The guest may have lost its back end by it. */
  async step(guest: FakeGuest): Promise<string> {
    const name = this.pick(['frames', 'frames', 'frames', 'chain', 'chain', 'scribble', 'message', 'lie']);
    try {
      if (name === 'frames') this.frames(guest);
      if (name === 'chain') this.chain(guest);
      if (name === 'scribble') this.scribble(guest);
      if (name === 'message') this.message(guest);
      if (name !== 'lie') return name;
      const [lie, { tell }] = this.pick(liesFor(guest));
      await tell(guest);
      return lie;
    } catch (error) {
      // it does not know its own rings any more, or nobody listens
      if (error instanceof DeviceError || error instanceof BackEndError) return name;
      throw error;
    }
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }

  private frames(guest: FakeGuest): void {
    const count = this.below(MOST_FRAMES);
    const piece = this.pick([0, 0, 7, 300]);
    for (let n = 0; n < count; n++) {
      guest.send(new Uint8Array(14 + this.below(1500)).fill(0xff, 0, 6), { piece });
    }
    while (guest.receive() !== undefined);
  }

  private chain(guest: FakeGuest): void {
    const chain = Array.from({ length: 1 + this.below(MOST_DESCRIPTORS) }, () => this.descriptor(guest));
    put(guest, this.below(guest.device.vrings.length), chain);
  }

  private descriptor(guest: FakeGuest): RawDescriptor {
    const region = this.pick(guest.device.memory.regions);
    const inside = BigInt(region.guest + this.below(region.size));
    const last = BigInt(region.guest + region.size - this.below(64));
    return {
      address: this.pick([inside, inside, inside, last, 0n, 1n << 63n, (1n << 64n) - 1n]),
      length: this.pick([12, 76, this.below(2048), this.below(2048), this.below(2 ** 32), 0, 0xffff_ffff]),
      flags: this.pick([
        0,
        0,
        DESC.next,
        DESC.next,
        DESC.write,
        DESC.indirect,
        this.below(8),
        this.below(2 ** 16),
      ]),
      next: this.pick([
        undefined,
        undefined,
        undefined,
        this.below(guest.device.vrings[0].ring.size),
        this.below(2 ** 16),
      ]),
    };
  }

  /** In the descriptors, or where indices and flags are. */
  private scribble(guest: FakeGuest): void {
    const { ring, kick } = this.pick(guest.device.vrings);
    const { descriptor, available, used } = ring.addresses;
    const isPacked = ring instanceof PackedRing;
    const areas = [
      { at: descriptor, length: ring.size * DESC_LEN },
      { at: available, length: isPacked ? 4 : availLen(ring.size) },
      { at: used, length: isPacked ? 4 : usedLen(ring.size) },
    ];
    for (let n = this.below(MOST_SCRIBBLES); n >= 0; n--) {
      const { at, length } = this.pick(areas);
      const bytes = guest.device.memory.bytes(at, length);
      // indices and flags come first
      const where = this.below(2) === 0 ? this.below(4) : this.below(length);
      bytes[where] = this.pick([0, 1, 0xff, this.below(256)]);
    }
    signalWake(kick);
  }

  private message(guest: FakeGuest): void {
    const request = this.pick([...Object.values(REQUEST), this.below(64), this.below(2 ** 32)]);
    const payload = Buffer.from(
      Array.from({ length: this.pick([0, 8, 8, 8, 16, 40, this.below(600)]) }, () => this.byte()),
    );
    if (payload.length === 8 && this.below(2) === 0) {
      vringState({ index: this.below(4), num: this.pick([0, 1, 256, this.below(2 ** 32)]) }).copy(payload);
    }
    const fds = Array.from({ length: this.pick([0, 0, 1, 1, 2, 9]) }, createWake);
    try {
      guest.backEnd.raw(message(request, payload, this.pick([0, 0, NEED_REPLY, REPLY])), fds);
    } finally {
      closeFds(fds);
    }
  }

  private byte(): number {
    return this.pick([0, 0, 0, 1, 0xff, this.below(256)]);
  }
}
