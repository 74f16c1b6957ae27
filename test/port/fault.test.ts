import { expect, test } from 'vitest';
import type { CounterView } from '../../src/switch/counter_view.ts';
import { configOf, openRig } from '../support/engine/rig.ts';
import { lawViolations } from '../support/engine/stubs.ts';

const between = (fault: Record<string, unknown>) => openRig({ br0: { ports: { p1: {}, p2: { fault } } } });

type Rig = Awaited<ReturnType<typeof between>>;

/** Sends `count` numbered frames from `port`, and returns what arrived at the other ports, polls included. */
function numbered(rig: Rig, port: string, count: number): string[] {
  const lines: string[] = [];
  for (let n = 0; n < count; n++) lines.push(...rig.say(port, `a > * "${n}"`));
  return lines;
}

const delivered = (lines: string[], port: string) => lines.filter((line) => line.startsWith(`${port}: `));

test('without a fault nothing happens to a frame', async () => {
  const rig = await between({ drop: 0, seed: 1 });
  expect(rig.say('p1', 'a > * "x"')).toEqual(['p2: a > * "x"']);
  expect(rig.say('p2', 'b > a "y"')).toEqual(['p1: b > a "y"']);
});

test('frames are dropped in both directions, about as often as asked, and counted', async () => {
  const rig = await between({ drop: 0.25, seed: 3 });
  expect(delivered(numbered(rig, 'p1', 400), 'p2').length).toBeGreaterThan(260);
  expect(delivered(numbered(rig, 'p2', 400), 'p1').length).toBeLessThan(340);
  const { transmitDropped, receiveDropped } = rig.counters('p2');
  for (const count of [transmitDropped.fault_transmit, receiveDropped.fault_receive]) {
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(140);
  }
});

test('the same seed gives the same faults, another seed others', async () => {
  const run = async (seed: number) =>
    numbered(await between({ drop: 0.3, duplicate: 0.2, corrupt: 0.2, seed }), 'p1', 60);
  expect(await run(5)).toEqual(await run(5));
  expect(await run(5)).not.toEqual(await run(6));
});

test('duplicates follow their frame, and both are counted', async () => {
  const rig = await between({ duplicate: 1, seed: 3 });
  expect(rig.say('p1', 'a > * "x"')).toEqual(['p2: a > * "x"', 'p2: a > * "x"']);
  expect(rig.say('p2', 'b > a "y"')).toEqual(['p1: b > a "y"', 'p1: b > a "y"']);
  expect(rig.counters('p2')).toMatchObject({ copies: 2, transmittedFrames: 2, receivedFrames: 2 });
});

test('corruption flips one bit of the copy, and leaves the copies of others alone', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { fault: { corrupt: 1, seed: 9 } }, p3: {} } } });
  const bytes = new Uint8Array(200).fill(0x55);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
  rig.taploom.memoryPort('p1').send(bytes);
  rig.taploom.poll(0, rig.now);
  const received = rig.received();
  expect(received.get('p3')?.[0].bytes).toEqual(bytes);
  const other = received.get('p2')?.[0].bytes as Uint8Array;
  const flipped = [...bytes].map((byte, k) => (byte ^ other[k]).toString(2).replaceAll('0', '').length);
  expect(flipped.reduce((sum, bits) => sum + bits)).toBe(1);
});

test('a delayed frame leaves when its time has come, counted from when it was sent', async () => {
  const rig = await between({ delay: 50 });
  // However long the switch was idle before.
  for (const idle of [0, 1, 1000, 100_000]) {
    rig.now += idle;
    rig.taploom.memoryPort('p1').send(frame('x'));
    rig.taploom.poll(0, rig.now);
    rig.now += 49;
    rig.taploom.poll(0, rig.now);
    expect(rig.received().get('p2')).toEqual([]);
    rig.now += 1;
    rig.taploom.poll(0, rig.now);
    expect(rig.received().get('p2')).toHaveLength(1);
  }
  rig.expectLaws();
});

test('a frame from a delayed port is received when its time has come', async () => {
  const rig = await between({ delay: 50 });
  for (const idle of [0, 1000, 100_000]) {
    rig.now += idle;
    rig.taploom.memoryPort('p2').send(frame('x'));
    rig.taploom.poll(0, rig.now);
    rig.now += 49;
    for (let n = 0; n < 3; n++) rig.taploom.poll(0, rig.now);
    expect(rig.received().get('p1')).toEqual([]);
    rig.now += 1;
    // The first poll tells the fault what time it is, the second receives.
    for (let n = 0; n < 2; n++) rig.taploom.poll(0, rig.now);
    expect(rig.received().get('p1')).toHaveLength(1);
  }
  expect(rig.counters('p2').receivedFrames).toBe(3);
  rig.expectLaws();
});

test('delayed frames stay in order, duplicates included', async () => {
  const rig = await between({ delay: 20, duplicate: 0.5, seed: 4 });
  const lines: string[] = [];
  for (let n = 0; n < 40; n++, rig.now += 7) {
    rig.taploom.memoryPort('p1').send(frame(String(n).padStart(2, '0')));
    rig.taploom.poll(0, rig.now);
    lines.push(...texts(rig));
  }
  rig.now += 20;
  rig.taploom.poll(0, rig.now);
  lines.push(...texts(rig));
  expect(new Set(lines).size).toBe(40);
  expect(lines.length).toBeGreaterThan(45);
  expect([...lines].sort()).toEqual(lines);
  rig.expectLaws();
});

test('what is held back beyond all measure is dropped and counted', async () => {
  const rig = await between({ delay: 1000 });
  for (let n = 0; n < 5000; n++) {
    rig.taploom.memoryPort('p1').send(frame('x'));
    rig.taploom.memoryPort('p2').send(frame('y'));
    if (n % 16 === 15) rig.taploom.poll(0, rig.now);
  }
  rig.taploom.poll(0, rig.now);
  rig.now += 1000;
  for (let n = 0; n < 200; n++) rig.taploom.poll(0, rig.now);
  const { counters } = rig.taploom.ports()[1];
  expect(counters.transmitDropped.fault_transmit).toBe(5000 - 4096);
  expect(counters.receiveDropped.fault_receive).toBe(5000 - 4096);
  expect(counters.receivedFrames).toBe(5000);
  rig.expectLaws();
});

test('an empty frame is a runt behind a fault, too', async () => {
  const rig = await between({ duplicate: 0.01, seed: 1 });
  expect(rig.run(() => rig.taploom.memoryPort('p2').send(new Uint8Array(0)))).toEqual(['p2 drops: runt']);
});

test('a super-frame survives delay and duplication with its request', async () => {
  const { build, payloadOf } = await import('../engine/offload_frames.ts');
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: { p1: { fault: { duplicate: 1 } }, p2: { vlan: { trunk: [1] }, fault: { delay: 5 } } },
    },
  });
  const { bytes, gsoType, csumStart, csumOffset } = build({
    version: 4,
    protocol: 'tcp',
    payload: payloadOf(40_000),
    gsoSize: 1000,
  });
  rig.taploom.memoryPort('p1').send(bytes, { gsoType, gsoSize: 1000, csumStart, csumOffset });
  rig.taploom.poll(0, rig.now);
  rig.now += 5;
  rig.taploom.poll(0, rig.now);
  const frames = rig.received().get('p2') ?? [];
  expect(frames).toHaveLength(2);
  for (const { bytes: tagged, offload } of frames) {
    expect(offload).toEqual({ gsoType, gsoSize: 1000, csumStart: csumStart + 4, csumOffset });
    expect(tagged.subarray(16)).toEqual(bytes.subarray(12));
  }
  rig.expectLaws();
});

function frame(text: string): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, ...Buffer.from(text)]);
  return bytes;
}

function texts(rig: Rig): string[] {
  const frames = rig.received().get('p2') ?? [];
  return frames.map(({ bytes }) => Buffer.from(bytes.subarray(14, 16)).toString());
}

test('what is held back for a port that goes is counted as dropped', async () => {
  const rig = await between({ delay: 1000 });
  rig.taploom.memoryPort('p1').send(frame('x'));
  rig.taploom.poll(0, rig.now);
  expect(rig.counters('p2')).toMatchObject({ copies: 1, transmittedFrames: 0 });
  const { workers } = Reflect.get(rig.taploom, 'counters') as CounterView;
  await rig.taploom.apply(configOf({ br0: { ports: { p1: {} } } }));
  expect(lawViolations(workers[0])).toEqual([]);
});
