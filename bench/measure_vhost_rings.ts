// Prints what it takes to bring frames from one guest's ring to another's through a switch in the same thread, as JSON:
// drivers, back end and engine together, on one CPU. The drivers are fake guests, which do not touch what they send or
// receive. Contenders take turns.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BATCH } from '../src/engine/engine.ts';
import { Switch } from '../src/switch/switch.ts';
import { FakeGuest } from '../src/tester/guest/fake_guest.ts';
import type { FeatureName } from '../src/tester/guest/negotiation.ts';
import { FINISHED, type FrameHeader } from '../src/tester/guest/transmit_queue.ts';
import { LARGE, large, small, testFrame } from './ring_frames.ts';

/** ns a frame, a value for each turn, by the kind of frame and of ring; packed rings only if the back end has them. */
export type RingTimes = Record<string, number[]>;

const TURN_MS = 100;
const WARM_UP = 5;
const RING = 256;

const FEATURES: FeatureName[] = [
  'version1',
  'indirectDesc',
  'eventIdx',
  'csum',
  'guestCsum',
  'guestTso4',
  'hostTso4',
];
const MERGEABLE: FeatureName[] = [...FEATURES, 'mrgRxbuf'];

interface Contender {
  name: string;
  features: FeatureName[];
  frame: Uint8Array;
  header?: FrameHeader;
}

const CONTENDERS: Contender[] = [
  { name: 'split small', features: MERGEABLE, frame: small() },
  { name: 'packed small', features: [...MERGEABLE, 'ringPacked'], frame: small() },
  { name: 'split large', features: FEATURES, ...large() },
  { name: 'packed large', features: [...FEATURES, 'ringPacked'], ...large() },
];

class Pair {
  readonly times: number[] = [];
  private readonly taploom: Switch;
  private readonly from: FakeGuest;
  private readonly to: FakeGuest;

  private constructor(taploom: Switch, from: FakeGuest, to: FakeGuest) {
    this.taploom = taploom;
    this.from = from;
    this.to = to;
  }

  static async open(folder: string, { features, frame, header = FINISHED }: Contender): Promise<Pair> {
    const path = (name: string) => join(folder, `${name}-${features.length}-${frame.length}.sock`);
    const port = (name: string) => ({ type: 'vhost_user', path: path(name) }) as const;
    const taploom = await Switch.open(
      { version: 1, bridges: { br0: { local: false, ports: { a: port('a'), b: port('b') } } } },
      { threaded: false },
    );
    const options = { features, ringSize: RING, maxFrame: LARGE };
    const [from, to] = [
      await FakeGuest.open({ path: path('a'), ...options }),
      await FakeGuest.open({ path: path('b'), ...options }),
    ];
    const pair = new Pair(taploom, from, to);
    await pair.introduce();
    from.device.transmitters[0].fill(frame, header);
    return pair;
  }

  has(feature: FeatureName): boolean {
    return this.from.has(feature);
  }

  /** ns a frame. */
  turn(): number {
    const { taploom } = this;
    const [sender] = this.from.device.transmitters;
    const [receiver] = this.to.device.receivers;
    const before = receiver.received;
    const begun = performance.now();
    let now = begun;
    while (now - begun < TURN_MS) {
      for (let n = 0; n < 16; n++) {
        sender.repeat(BATCH);
        this.from.device.publish(1);
        taploom.poll(0);
        receiver.drain(RING);
        this.to.device.publish(0);
      }
      now = performance.now();
    }
    return ((now - begun) * 1e6) / (receiver.received - before);
  }

  async close(): Promise<void> {
    this.from.close();
    this.to.close();
    await this.taploom.close();
  }

  /** Each says where it is, so that nothing is flooded; and all that was said is taken out of the rings. */
  private async introduce(): Promise<void> {
    this.to.send(testFrame(0xa, 0xb));
    for (let n = 0; n < 100; n++) {
      this.taploom.poll(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (this.from.receive() !== undefined);
    while (this.to.receive() !== undefined);
    this.from.device.transmitters[0].reclaim();
  }
}

const turns = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'tlrings-'));
const pairs = new Map<string, Pair>();
for (const contender of CONTENDERS) {
  const pair = await Pair.open(folder, contender);
  if (contender.features.every((feature) => pair.has(feature))) pairs.set(contender.name, pair);
  else await pair.close();
}
for (let n = -WARM_UP; n < turns; n++) {
  for (const pair of pairs.values()) {
    const time = pair.turn();
    if (n >= 0) pair.times.push(time);
  }
}
const times: RingTimes = Object.fromEntries([...pairs].map(([name, pair]) => [name, pair.times]));
for (const pair of pairs.values()) await pair.close();
rmSync(folder, { recursive: true });
process.stdout.write(`${JSON.stringify(times)}\n`);
