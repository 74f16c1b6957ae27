// /metrics against arithmetic: raw sockets send a known number of frames of each size and kind, IPv6 is off, nothing
// else speaks; so every counter is known.

import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { sendFrames } from '../support/traffic.ts';

needs('sysctl');

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const C = '02:00:00:00:00:0c';
const SIZES = [14, 60, 64, 65, 128, 594, 1024, 1513, 1514];
const EACH = 50;

test('counters of frames, bytes and drops are exactly those of the frames that were sent', async () => {
  const lab = await openLab();
  const [sw, ...hosts] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  await Promise.all(hosts.map((host) => host.withoutIpv6()));
  const [a, b, c] = hosts;
  const tap = (netns: string, more = {}) => ({ type: 'tap', netns, ...more });
  const ports = { a: tap(a.name), b: tap(b.name), c: tap(c.name, { mtu: 1000 }) };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  for (const [i, name] of ['a', 'b', 'c'].entries()) await hosts[i].up(name);

  const before = await daemon.metrics();
  const received = (port: string, name: string) =>
    `taploom_port_receive_${name}_total{bridge="br0",port="${port}"}`;
  const sent = (port: string, name: string) =>
    `taploom_port_transmit_${name}_total{bridge="br0",port="${port}"}`;
  for (const port of ['a', 'b', 'c']) {
    expect([before.get(received(port, 'packets')), before.get(sent(port, 'packets'))]).toEqual([0, 0]);
  }
  // A series per reason exists once it is not zero.
  expect([...before.keys()].filter((name) => name.includes('reason='))).toEqual([]);

  // Both stations say where they are: flooded to the two others.
  await sendFrames(b, 'b', [{ hex: frame({ to: A, from: B }) }]);
  await sendFrames(c, 'c', [{ hex: frame({ to: A, from: C }) }]);
  await daemon.until('stations learned', async () => (await daemon.fdb()).length === 2);
  await sendFrames(a, 'a', [
    ...SIZES.map((size) => ({ hex: frame({ to: B, from: A, size }), count: EACH })),
    { hex: frame({ to: B, from: '00:00:00:00:00:00' }), count: 11 },
    { hex: frame({ to: B, from: '03:00:00:00:00:01' }), count: 12 },
    { hex: frame({ to: '01:80:c2:00:00:03', from: A }), count: 13 },
    { hex: frame({ to: '01:80:c2:00:00:01', from: A }), count: 14 },
    { hex: frame({ to: A, from: A }), count: 15 }, // its destination is where it comes from
    { hex: frame({ to: C, from: A, size: 1014 }), count: 16 }, // fits c's MTU
    { hex: frame({ to: C, from: A, size: 1015 }), count: 17 }, // is too big by one byte
    { hex: frame({ to: '01:80:c2:00:00:00', from: A }), count: 18 }, // BPDUs are forwarded while STP is off
    { hex: frame({ to: '01:00:5e:00:00:fb', from: A }), count: 19 },
  ]);

  const drops = { bad_source: 11 + 12, reserved_group: 13 + 14, same_port: 15 };
  const dropped = drops.bad_source + drops.reserved_group + drops.same_port;
  const toB = SIZES.length * EACH;
  const flooded = 18 + 19;
  const frames = toB + dropped + 16 + 17 + flooded;
  const bytes =
    EACH * SIZES.reduce((sum, size) => sum + size, 0) + 60 * (dropped + flooded) + 16 * 1014 + 17 * 1015;
  await daemon.until('all frames received', async () => {
    return (await daemon.port('a')).counters.receivedFrames >= frames;
  });
  await expectLaws(daemon);

  const after = await daemon.metrics();
  const series = [...after].filter(([name]) =>
    /^taploom_port_(receive|transmit)_(packets|bytes|dropped)_/.test(name),
  );
  const drop = (side: string, port: string, reason: string) =>
    `taploom_port_${side}_dropped_total{bridge="br0",port="${port}",reason="${reason}"}`;
  expect(Object.fromEntries(series)).toEqual({
    [received('a', 'packets')]: frames,
    [received('a', 'bytes')]: bytes,
    [sent('a', 'packets')]: 2,
    [sent('a', 'bytes')]: 120,
    [received('b', 'packets')]: 1,
    [received('b', 'bytes')]: 60,
    [sent('b', 'packets')]: 1 + toB + flooded,
    [sent('b', 'bytes')]: 60 + EACH * SIZES.reduce((sum, size) => sum + size, 0) + 60 * flooded,
    [received('c', 'packets')]: 1,
    [received('c', 'bytes')]: 60,
    [sent('c', 'packets')]: 1 + 16 + flooded,
    [sent('c', 'bytes')]: 60 + 16 * 1014 + 60 * flooded,
    [drop('receive', 'a', 'bad_source')]: drops.bad_source,
    [drop('receive', 'a', 'reserved_group')]: drops.reserved_group,
    [drop('receive', 'a', 'same_port')]: drops.same_port,
    [drop('transmit', 'c', 'too_big')]: 17,
  });

  // The kernel of the receiving host agrees.
  const link = await b.link('b');
  expect(link.stats64.rx.packets).toBe(1 + toB + flooded);
  // And `taploom stats` and `/metrics` show the same counters.
  const { counters } = await daemon.port('a');
  expect([counters.receivedFrames, counters.receivedBytes]).toEqual([frames, bytes]);
});
