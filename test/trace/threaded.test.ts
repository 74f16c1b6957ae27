// Traces of switches that forward in threads of their own, and live traces: real frames, told as they were decided.

import { Switch, type Trace } from 'taploom';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';
import { Random } from '../support/engine/random.ts';
import { configOf } from '../support/engine/rig.ts';
import { openTraceRig } from './trace_rig.ts';

const trunk = { vlan: { trunk: [10, 20] } };
const CONFIG = configOf({
  br0: {
    vlan_filtering: true,
    ports: {
      p1: { vlan: { access: 10 } },
      p2: trunk,
      p3: { vlan: { access: 10 }, offloads: false },
      p4: trunk,
    },
  },
});

async function entries(taploom: Switch) {
  const all = [];
  for await (const page of taploom.fdb()) all.push(...page.map(({ age: _, ...entry }) => entry));
  return all;
}

const messages = ({ steps }: Trace) => steps.map(({ message }) => message);

describe.each([1, 2])('%i workers', (workers) => {
  async function open(): Promise<Switch> {
    const taploom = await Switch.open(CONFIG, { workers });
    onTestFinished(() => taploom.close());
    return taploom;
  }

  test('a trace knows what the workers have learned, and changes none of it', async () => {
    const taploom = await open();
    for (const [port, line] of [
      ['p1', 'a > *'],
      ['p4', 'd > * vlan 20'],
    ])
      taploom.memoryPort(port).send(parse(line));
    await expect.poll(async () => (await entries(taploom)).length).toBe(2);
    const before = await entries(taploom);
    const counters = JSON.stringify(taploom.ports());
    const known = await taploom.trace({ bridge: 'br0', port: 'p2', frame: parse('b > a vlan 10') });
    expect(known.outcome.copies).toMatchObject([{ port: 'p1', bytes: 60 }]);
    const moved = await taploom.trace({ bridge: 'br0', port: 'p2', frame: parse('d > a vlan 20') });
    expect(messages(moved).join()).toMatch(
      /02:00:00:00:00:64 would move from p4, where it was seen .* to p2 in VLAN 20/,
    );
    expect(await entries(taploom)).toEqual(before);
    expect(JSON.stringify(taploom.ports())).toBe(counters);
  });

  test('a live trace takes the frames that match, and no others', async () => {
    const taploom = await open();
    const wanted = taploom.traceLive({ bridge: 'br0', port: 'p2', frames: 3, vlan: 20, timeout: 5 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const line of ['a > * vlan 20', 'a > * vlan 10', 'b > c vlan 20 pcp 3', 'b > c vlan 30']) {
      taploom.memoryPort('p2').send(parse(line));
    }
    taploom.memoryPort('p4').send(parse('e > * vlan 20'));
    taploom.memoryPort('p2').send(parse('f > * vlan 20'));
    const traces = await wanted;
    expect(traces.map(({ outcome }) => outcome.copies)).toEqual([
      [{ port: 'p4', tag: { vlan: 20, pcp: 0, dei: false }, bytes: 64 }],
      [{ port: 'p4', tag: { vlan: 20, pcp: 3, dei: false }, bytes: 64 }],
      [{ port: 'p4', tag: { vlan: 20, pcp: 0, dei: false }, bytes: 64 }],
    ]);
    expect(traces.map(({ frame }) => frame.slice(12, 24))).toEqual([
      '020000000061',
      '020000000062',
      '020000000066',
    ]);
    expect(traces[0].at).toBeGreaterThan(0);
  });

  test('drops are followed, too, and time runs out', async () => {
    const taploom = await open();
    const live = taploom.traceLive({ bridge: 'br0', port: 'p1', frames: 10, timeout: 0.6 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    taploom.memoryPort('p1').send(parse('a > * vlan 20'));
    taploom.memoryPort('p1').send(parse('a > * vlan 4095'));
    taploom.memoryPort('p1').send(new Uint8Array(5));
    const traces = await live;
    expect(traces.map(({ outcome }) => outcome.reason)).toEqual(['vlan_not_allowed', 'vlan_invalid', 'runt']);
    expect(traces.map(({ bytes }) => bytes)).toEqual([64, 64, 5]);
    expect(messages(traces[0])[1]).toContain('VLAN 20 is not allowed on p1');
  });

  test('a super-frame is followed with what has to be done to it', async () => {
    const taploom = await open();
    const live = taploom.traceLive({ bridge: 'br0', port: 'p1', timeout: 5 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const fields = {
      src: '02:00:00:00:00:61',
      dst: 'ff:ff:ff:ff:ff:ff',
      ipSrc: '192.0.2.1',
      ipDst: '192.0.2.2',
      proto: 'tcp' as const,
      size: 14 + 20 + 20 + 4000,
    };
    const { frame } = await taploom.trace({ bridge: 'br0', port: 'p1', fields });
    const offload = { gsoType: 1, gsoSize: 1000, csumStart: 34, csumOffset: 16 };
    taploom.memoryPort('p1').send(Uint8Array.from(Buffer.from(frame, 'hex')), offload);
    const [trace] = await live;
    expect(trace.bytes).toBe(4054);
    expect(trace.frame).toHaveLength(2 * 2048);
    expect(trace.outcome.copies.map(({ port, offload }) => [port, offload])).toEqual([
      ['p2', undefined],
      ['p3', 'segments'],
      ['p4', undefined],
    ]);
    expect(messages(trace)).toContain('p3: cut into 4 segments in software, as its device takes less');
  });
});

test('a live trace of an inline switch tells what its frames did, whatever they are', async () => {
  const random = new Random(7);
  const rig = await openTraceRig({
    br0: {
      vlan_filtering: true,
      ports: { p1: { vlan: { trunk: [1, 2], native: 3 } }, p2: trunk, p3: { vlan: { access: 1 } } },
    },
  });
  const live = rig.taploom.traceLive({ bridge: 'br0', port: 'p1', frames: 60, timeout: 10 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const happened: string[] = [];
  const sent: string[] = [];
  for (let n = 0; n < 60; n++) {
    const frame = new Uint8Array(64);
    const vid = random.pick([1, 2, 3, 9, 4095]);
    frame.set([...random.macs(), ...(random.chance(0.7) ? [0x81, 0, vid >>> 8, vid & 255] : []), 0x88, 0xb5]);
    sent.push(Buffer.from(frame).toString('hex'));
    const lines = rig.run(() => void rig.taploom.memoryPort('p1').send(frame));
    happened.push(lines.map((line) => (line.includes('drops') ? line : line.split(':')[0])).join());
  }
  const traces = await live;
  expect(traces.map(({ frame }) => frame)).toEqual(sent);
  const told = traces.map(({ outcome, port }) =>
    outcome.verdict === 'dropped'
      ? `${port} drops: ${outcome.reason}`
      : outcome.copies.map((copy) => copy.port).join(),
  );
  expect(told).toEqual(happened);
});

test('bounds of live traces', async () => {
  const rig = await openTraceRig({ br0: { ports: { p1: {} } } });
  const live = (keys: object) => rig.taploom.traceLive({ bridge: 'br0', port: 'p1', timeout: 0.2, ...keys });
  await expect(live({ frames: 101 })).rejects.toMatchObject({ code: 'invalid_trace' });
  await expect(live({ frames: 0 })).rejects.toMatchObject({ code: 'invalid_trace' });
  await expect(live({ timeout: 301 })).rejects.toMatchObject({ code: 'invalid_trace' });
  await expect(live({ src: 'x' })).rejects.toMatchObject({ code: 'invalid_mac' });
  const eight = Array.from({ length: 8 }, () => live({}));
  await expect(live({})).rejects.toMatchObject({ code: 'trace_busy' });
  expect(await Promise.all(eight)).toEqual(Array(8).fill([]));
  expect(await live({})).toEqual([]);
  // Nobody follows any more: forwarding passes by nothing.
  const { ingressPasses } = ['plane', 'plane', 'engine'].reduce<object>(Reflect.get, rig.taploom) as {
    ingressPasses: unknown[];
  };
  expect(ingressPasses).toEqual([]);
});
