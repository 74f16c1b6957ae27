// A real loop: two ports of a switch that lead to the same network, with and without a kernel bridge between them.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { sendFrames } from '../support/traffic.ts';

needs();

const BROADCAST = { hex: `ffffffffffff02000000000188b5${'00'.repeat(46)}`, count: 10 };
const detecting = { type: 'af_packet', lldp: false, loop_detection: true, error_recovery: 2 };

async function states(daemon: Taploomd): Promise<string[]> {
  return (await daemon.ports()).map(({ name, state }) => `${name} ${state}`);
}

test('a cable between two ports disables the later one for as long as it is there', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  for (const net of [sw, h1]) await net.withoutIpv6();
  await lab.veth(sw, 'p1', h1, 'e');
  await lab.veth(sw, 'p2', sw, 'p3');
  const ports = { p1: detecting, p2: detecting, p3: detecting };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await daemon.until('p3 is disabled', async () => (await states(daemon)).includes('p3 disabled'), 6000);
  expect(await states(daemon)).toEqual(['p1 up', 'p2 up', 'p3 disabled']);
  const { reason, disabledBy } = await daemon.port('p3');
  expect(reason).toMatch(/^a loop with port p2: its probe came back; it is tried again after 2 s/);
  expect(disabledBy).toEqual({ loop: 1 });
  expect(
    (await daemon.metrics()).get('taploom_port_disabled_total{bridge="br0",port="p3",reason="loop"}'),
  ).toBe(1);

  // A broadcast goes out of p2 once and ends at p3: there is no storm.
  const before = (await daemon.port('p2')).counters.transmittedFrames;
  await sendFrames(h1, 'e', [BROADCAST]);
  await new Promise((done) => setTimeout(done, 1000));
  const sent = (await daemon.port('p2')).counters.transmittedFrames - before;
  expect(sent).toBeGreaterThanOrEqual(10);
  expect(sent).toBeLessThan(30);

  // It lasts as long as the loop does, not as long as the recovery takes.
  await new Promise((done) => setTimeout(done, 3000));
  expect(await states(daemon)).toContain('p3 disabled');
  expect((await daemon.port('p3')).disabledBy).toEqual({ loop: 1 });
});

test('two cables to one kernel bridge are a loop, and one of them is left', async () => {
  const lab = await openLab();
  const [sw, other, h1, h2] = await lab.netnsList(['sw', 'other', 'h1', 'h2']);
  for (const net of [sw, other, h1, h2]) await net.withoutIpv6();
  await other.ip('link add br1 type bridge mcast_snooping 0', 'link set br1 up');
  for (const n of [1, 2]) {
    await lab.veth(sw, `u${n}`, other, `d${n}`);
    await other.ip(`link set d${n} master br1`);
  }
  await lab.veth(other, 'd3', h2, 'e');
  await other.ip('link set d3 master br1');
  await lab.veth(sw, 'p1', h1, 'e');
  const ports = { u1: detecting, u2: detecting, p1: detecting };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await daemon.until('u2 is disabled', async () => (await states(daemon)).includes('u2 disabled'), 6000);
  expect(await states(daemon)).toEqual(['u1 up', 'u2 disabled', 'p1 up']);
  await h1.up('e', '10.0.0.1/24');
  await h2.up('e', '10.0.0.2/24');
  await h1.check(['ping', '-c3', '-i0.2', '-W5', '10.0.0.2']);

  // The second cable leaves the other bridge: there is no loop any more.
  await other.ip('link set d2 nomaster');
  await daemon.until('u2 is up', async () => (await states(daemon)).includes('u2 up'), 9000);
});

test('a storm shuts its port down while frames flow, and the rest goes on', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  for (const net of [sw, h1, h2]) await net.withoutIpv6();
  await lab.veth(sw, 'p1', h1, 'e');
  await lab.veth(sw, 'p2', h2, 'e');
  const plain = { type: 'af_packet', lldp: false };
  const storm_control = { broadcast: { frames: 50 }, action: 'shutdown' };
  const ports = { p1: { ...plain, storm_control, error_recovery: 3 }, p2: plain };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await sendFrames(h1, 'e', [{ ...BROADCAST, count: 2000 }]);
  await daemon.until('p1 is disabled', async () => (await states(daemon)).includes('p1 disabled'));
  const { counters } = await daemon.port('p1');
  expect(counters.receiveDropped.storm_broadcast).toBeGreaterThan(0);
  expect((await daemon.port('p2')).counters.transmittedFrames).toBeLessThan(200);
  await daemon.until('p1 is up', async () => (await states(daemon)).includes('p1 up'), 9000);
});
