// Two fake guests on one CPU, at two sockets of whatever back end is there: one offers frames as fast as its ring takes them,
// the other drains its own. Says `ready`, and for each line on its input the frames a second of one turn.

import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { FakeGuest } from '../src/tester/guest/fake_guest.ts';
import { FINISHED } from '../src/tester/guest/transmit_queue.ts';
import { small, testFrame } from './ring_frames.ts';

const RING = 256;
const BURST = 64;
/** Between two looks at the clock. */
const BURSTS = 16;
const SETTLE_MS = 100;
const [from, to] = [await open(process.argv[2]), await open(process.argv[3])];
const turnMs = Number(process.argv[4]);
// So that nothing is flooded.
to.send(testFrame(0xa, 0xb));
await setTimeout(SETTLE_MS);
from.device.transmitters[0].fill(small(), FINISHED);
process.stdout.write('ready\n');
for await (const _ of createInterface({ input: process.stdin })) process.stdout.write(`${turn()}\n`);

function open(path: string): Promise<FakeGuest> {
  return FakeGuest.open({
    path,
    ringSize: RING,
    maxFrame: 1514,
    timeoutMs: 20_000,
    features: ['version1', 'indirectDesc', 'eventIdx', 'csum', 'guestCsum', 'mrgRxbuf'],
  });
}

function turn(): number {
  const [sender] = from.device.transmitters;
  const [receiver] = to.device.receivers;
  const before = receiver.received;
  const begun = performance.now();
  while (performance.now() - begun < turnMs) {
    for (let n = 0; n < BURSTS; n++) {
      sender.repeat(BURST);
      from.device.publish(1);
      receiver.drain(RING);
      to.device.publish(0);
    }
  }
  return ((receiver.received - before) * 1000) / (performance.now() - begun);
}
