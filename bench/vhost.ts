// Frames from one guest's ring into another's: what a core of the switch does in a second. The guests are fake, in the same
// thread, and their share of the time is not counted: a round fills a ring, lets the switch run until it is empty, and
// empties the other.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Switch } from '../src/index.ts';
import { FakeGuest } from '../src/tester/guest/fake_guest.ts';
import type { FeatureName } from '../src/tester/guest/negotiation.ts';
import { FINISHED } from '../src/tester/guest/transmit_queue.ts';
import { GSO_TCPV4 } from '../src/wire/virtio_net.ts';
import type { Bench, BenchOptions, Result } from './bench.ts';
import { median, medianInterval } from './statistics.ts';

const RING = 256;
const SMALL = 64;
const LARGE = 65_226;
const HEADERS = 54;
const RINGS: Record<string, readonly FeatureName[]> = {
  split: ['version1', 'mrgRxbuf', 'indirectDesc', 'eventIdx', 'csum', 'guestCsum', 'hostTso4', 'guestTso4'],
  packed: [
    ...([
      'version1',
      'mrgRxbuf',
      'indirectDesc',
      'eventIdx',
      'csum',
      'guestCsum',
      'hostTso4',
      'guestTso4',
    ] as const),
    'ringPacked',
  ],
};

export const vhost: Bench = {
  name: 'vhost',
  question: 'How many frames does a core carry from one guest into another, by vhost-user?',
  duration: ({ rounds, seconds }) => 2 + 2 * Object.keys(RINGS).length * rounds * seconds * 2,
  async run(options) {
    const results: Result[] = [];
    for (const [rings, features] of Object.entries(RINGS)) {
      for (const size of [SMALL, LARGE]) results.push(await measure(options, rings, features, size));
    }
    return { results };
  },
};

async function measure(
  { rounds, seconds, say }: BenchOptions,
  rings: string,
  features: readonly FeatureName[],
  size: number,
): Promise<Result> {
  say(`${rings} rings, ${size} bytes`);
  const dir = mkdtempSync(join(tmpdir(), 'tlvhost-'));
  const ports = Object.fromEntries(
    ['a', 'b'].map((name) => [name, { type: 'vhost_user' as const, path: join(dir, name), mtu: 65_535 }]),
  );
  const taploom = await Switch.open(
    { version: 1, bridges: { br0: { local: false, ports } } },
    { threaded: false },
  );
  const guests = [];
  try {
    for (const name of ['a', 'b'])
      guests.push(await FakeGuest.open({ path: join(dir, name), features, ringSize: RING }));
    const carry = pass(taploom, guests[0], guests[1], size);
    carry(0.2);
    const rates = Array.from({ length: rounds }, () => carry(seconds));
    const values =
      size === SMALL ? rates.map((rate) => rate / 1e6) : rates.map((rate) => (rate * size * 8) / 1e9);
    return {
      what: `${size} bytes from ${rings} ring to ring, on one core`,
      value: median(values),
      unit: size === SMALL ? 'million frames/s' : 'Gb/s',
      interval: medianInterval(values),
      expected: { atLeast: size === SMALL ? 4 : 25 },
      detail: 'time of the switch alone',
    };
  } finally {
    for (const guest of guests) guest.close();
    await taploom.close();
    rmSync(dir, { recursive: true });
  }
}

/** Frames a second of the switch's time, for so many seconds of it. */
function pass(taploom: Switch, a: FakeGuest, b: FakeGuest, size: number): (seconds: number) => number {
  const frame = frameOf(size);
  const header =
    size > 1514
      ? { ...FINISHED, gsoType: GSO_TCPV4, gsoSize: 1448, csumStart: 34, csumOffset: 16 }
      : FINISHED;
  const batch = size > 1514 ? 4 : RING / 2;
  const [receiver] = b.device.receivers;
  b.send(new Uint8Array(60).fill(0xff, 0, 6).fill(2, 6, 12)); // where it is
  taploom.poll(0);
  return (seconds) => {
    let frames = 0;
    let time = 0;
    while (time < seconds * 1000) {
      for (let n = 0; n < batch; n++) a.send(frame, { header });
      const from = performance.now();
      for (let n = 0; n < batch / 32; n++) taploom.poll(0);
      taploom.poll(0);
      time += performance.now() - from;
      frames += receiver.drain(RING);
      b.device.publish(0);
      a.device.transmitters[0].reclaim();
    }
    return frames / (time / 1000);
  };
}

/** To the station 02:02:02:02:02:02; a long one is a segment of TCP over IPv4, a super-frame. */
function frameOf(size: number): Uint8Array {
  const frame = new Uint8Array(size).fill(2, 0, 6);
  frame.set([2, 0, 0, 0, 0, 1, 8, 0], 6);
  if (size <= HEADERS + 20) return frame.fill(0x88, 12, 14);
  const view = new DataView(frame.buffer);
  frame.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6], 14);
  view.setUint16(16, size - 14);
  frame[46] = 0x50;
  return frame;
}
