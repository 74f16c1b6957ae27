// A switch without threads whose ports are vhost-user sockets, and fake guests on them. It polls as fast as it goes, in
// turns with whatever the test does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import { Switch } from '../../src/switch/switch.ts';
import { FakeGuest, type FakeGuestOptions } from '../../src/tester/guest/fake_guest.ts';
import type { FeatureName } from '../../src/tester/guest/negotiation.ts';

/** Kinds of rings, and what a guest asks for to have them. */
export const LAYOUTS: Record<string, FeatureName[]> = { split: [], packed: ['ringPacked'] };

export class VhostWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'tlvhost-'));
  taploom!: Switch;
  /** Of the CPU, by the longest poll, ms: the machine may be busy with others. */
  longest = 0;
  private readonly names: readonly string[];
  private readonly mode: 'server' | 'client';
  private isOver = false;
  private pumping: Promise<void> | undefined;
  private readonly guests: FakeGuest[] = [];

  private constructor(names: readonly string[], mode: 'server' | 'client') {
    this.names = names;
    this.mode = mode;
  }

  /** Ports of these names in one bridge. @param mode of the switch at its sockets */
  static async open(names: readonly string[], mode: 'server' | 'client' = 'server'): Promise<VhostWorld> {
    const world = new VhostWorld(names, mode);
    await world.startSwitch();
    return world;
  }

  path(name: string): string {
    return join(this.folder, `${name}.sock`);
  }

  async guest(name: string, options: Partial<FakeGuestOptions> = {}): Promise<FakeGuest> {
    const mode = this.mode === 'server' ? 'client' : 'server';
    const guest = await FakeGuest.open({ path: this.path(name), mode, ...options });
    this.guests.push(guest);
    return guest;
  }

  async startSwitch(): Promise<void> {
    const port = (name: string) =>
      ({ type: 'vhost_user', path: this.path(name), mode: this.mode, queues: 2 }) as const;
    const ports = Object.fromEntries(this.names.map((name) => [name, port(name)]));
    const config: SwitchConfigInput = { version: 1, bridges: { br0: { local: false, ports } } };
    this.taploom = await Switch.open(config, { threaded: false });
    this.isOver = false;
    this.pumping = this.pump();
  }

  /** From here on the switch polls when the test does. */
  async pause(): Promise<void> {
    this.isOver = true;
    await this.pumping;
  }

  async stopSwitch(): Promise<void> {
    await this.pause();
    await this.taploom.close();
  }

  state(name: string): string {
    return this.taploom.ports().find((port) => port.name === name)?.state ?? 'none';
  }

  /** Lets the switch poll so many times. */
  async turns(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
  }

  private async pump(): Promise<void> {
    while (!this.isOver) {
      const begun = process.cpuUsage();
      this.taploom.poll(0);
      const { user, system } = process.cpuUsage(begun);
      this.longest = Math.max(this.longest, (user + system) / 1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    for (const guest of this.guests) guest.close();
    await this.stopSwitch();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const MAC = {
  a: [2, 0, 0, 0, 0, 0xa],
  b: [2, 0, 0, 0, 0, 0xb],
  c: [2, 0, 0, 0, 0, 0xc],
  all: [255, 255, 255, 255, 255, 255],
} as const;

export function testFrame(
  to: readonly number[],
  from: readonly number[],
  length: number,
  n: number,
): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + n);
  bytes.set([...to, ...from, 0x88, 0xb5]);
  return bytes;
}

/** Sends frames of many lengths from one to the other and back; undefined, or what went wrong. @param mac of the other */
export async function exchange(
  a: FakeGuest,
  b: FakeGuest,
  count = 20,
  mac: readonly number[] = MAC.b,
): Promise<string | undefined> {
  for (let n = 0; n < count; n++) {
    const [from, to, toMac, fromMac] = n % 2 === 0 ? [b, a, MAC.a, mac] : [a, b, mac, MAC.a];
    const frame = testFrame(toMac, fromMac, 60 + ((n * 397) % 1454), n);
    if (!from.send(frame, { piece: (n % 3) * 50 })) return `frame ${n}: the ring is full`;
    const got = await nextTest(to, frame);
    if (got === undefined) return `frame ${n} of ${frame.length} bytes did not come`;
    if (!Buffer.from(got).equals(frame)) return `frame ${n} of ${frame.length} bytes came as another`;
  }
  return undefined;
}

/** The next frame with these addresses: others may talk, too. */
async function nextTest(guest: FakeGuest, frame: Uint8Array): Promise<Uint8Array | undefined> {
  const end = performance.now() + 5000;
  while (performance.now() < end) {
    const got = (await guest.next(1000))?.bytes;
    if (got !== undefined && Buffer.from(got.subarray(0, 12)).equals(frame.subarray(0, 12))) return got;
  }
  return undefined;
}
