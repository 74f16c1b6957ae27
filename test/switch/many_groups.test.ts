// Many groups on many ports, on the package as it is built: 4,096 groups that 64 ports join, each of them all.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { datagram, reports } from '../../bench/groups.ts';
import { GROUPS, MANY_RECEIVERS, secondsToJoin } from '../../bench/joining.ts';
import { report } from '../support/membership_frames.ts';

async function open(threaded: boolean): Promise<Switch> {
  const taploom = await Switch.open(MANY_RECEIVERS, { threaded });
  onTestFinished(() => taploom.close());
  return taploom;
}

test('64 ports join 4,096 groups each within seconds, and the last frame to the last group reaches all', async () => {
  const seconds = await secondsToJoin(await open(true));
  console.log(`joined in ${seconds.toFixed(2)} s`);
  expect(seconds).toBeLessThan(6); // three times what it may take on a quiet machine
}, 60_000);

test('what a frame costs does not depend on how many groups there are', async () => {
  const taploom = await open(false);
  let now = 1_000_000;
  const poll = async (times: number) => {
    for (let n = 0; n < times; n++) {
      taploom.poll(0, now);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const [p0, p1, p2] = ['p0', 'p1', 'p2'].map((name) => taploom.memoryPort(name));
  await poll(5);
  now += 1000;
  p1.send(reports(1)[0]);
  await poll(8);
  const frame = datagram(0);
  const cost = () => {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 200; round++) {
      for (let n = 0; n < 64; n++) p0.send(frame);
      const begin = performance.now();
      taploom.poll(0, now);
      least = Math.min(least, performance.now() - begin);
      for (let n = 0; n < 64; n++) expect(p1.receive() !== undefined).toBe(true);
    }
    return (least * 1e6) / 64;
  };
  cost();
  const few = cost();
  for (const one of reports(GROUPS)) {
    p2.send(one);
    await poll(2);
  }
  await poll(20);
  while (p2.receive() !== undefined);
  expect(taploom.multicastPorts()[2].groups).toBe(GROUPS);
  p2.send(report([['to_in', '239.3.0.0']]));
  now += 3000;
  await poll(8);
  const many = cost();
  console.log(`${few.toFixed(0)} ns a frame with one group, ${many.toFixed(0)} ns with ${GROUPS}`);
  expect(many).toBeLessThan(few * 3);
}, 60_000);
