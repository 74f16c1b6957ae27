// An uplink that takes less than two guests send, a veth behind `tbf`: who gets what of it, without any configuration.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { iperf3 } from '../support/traffic.ts';

needs('iperf3', 'tc');

const MBITS = 40;
const SIZE = 1400;
const FLOOD = 150;
/** UDP of a full packet: bytes on the wire for each of payload. */
const WIRE = (SIZE + 42) / SIZE;

async function setUp(qos: object | undefined, args: string[]) {
  const lab = await openLab();
  const [sw, g1, g2, out] = await lab.netnsList(['sw', 'g1', 'g2', 'out']);
  await sw.ip(`link add eth type veth peer name out netns ${out.name}`, 'link set eth up');
  await out.up('out', '10.0.0.9/24');
  const tbf = `dev eth root tbf rate ${MBITS}mbit burst 32kb limit 100kb`;
  await sw.check(['tc', 'qdisc', 'add', ...tbf.split(' ')]);
  const ports = {
    g1: { type: 'tap', netns: g1.name },
    g2: { type: 'tap', netns: g2.name },
    up: { type: 'af_packet', interface: 'eth', qos },
  };
  const config = { version: 1, bridges: { br0: { ports } } };
  const daemon = await Taploomd.start(lab, sw, config, { args });
  await g1.up('g1', '10.0.0.1/24');
  await g2.up('g2', '10.0.0.2/24');
  return { daemon, g1, g2, out };
}

const udp = (mbits: number) => ['-u', '-b', `${mbits}M`, '-l', String(SIZE)];

/** More than the uplink takes, for so many seconds; resolves when it is on its way. */
async function flood(from: Netns, to: Netns, seconds: number) {
  const server = to.spawn(['iperf3', '-s', '-1', '-p', '5202', '--forceflush']);
  await server.waitFor(/listening/);
  const args = ['-c', '10.0.0.9', '-p', '5202', '-t', String(seconds), ...udp(FLOOD)];
  const client = from.spawn(['iperf3', ...args]);
  await server.waitFor(/connected/);
  return client;
}

test.each([
  ['one worker', []],
  ['two workers', ['--workers', '2']],
])(
  '%s: beside a flood a guest that wants less loses nothing, and one that wants more has half',
  async (_name, args) => {
    const { daemon, g1, g2, out } = await setUp(undefined, args);
    const client = await flood(g1, out, 11);
    await daemon.process.waitFor(/port up takes less than is sent there/);
    await sleep(1500);
    const modest = await iperf3(g2, out, '10.0.0.9', 2, ...udp(8));
    expect((modest.sum?.lost_packets ?? 0) / (modest.sum?.packets ?? 1)).toBeLessThan(0.03);
    const greedy = await iperf3(g2, out, '10.0.0.9', 3, '-O', '1', ...udp(FLOOD));
    const share = (greedy.sum_received.bits_per_second * WIRE) / (MBITS * 1e6);
    expect(share).toBeGreaterThan(0.42);
    expect(share).toBeLessThan(0.55);
    expect(await daemon.cli('qos', 'show', 'up')).toMatch(
      /br0 +up +shared +3\d\.\d+mbit|br0 +up +shared +4\d/,
    );
    await client.exit();
    await expectLaws(daemon);
  },
);

test('with when_full: drop whoever comes loses', async () => {
  const { daemon, g1, out } = await setUp({ when_full: 'drop' }, []);
  const client = await flood(g1, out, 3);
  await client.exit();
  const { counters } = await daemon.port('up');
  expect(counters.transmitDropped.queue_full).toBeGreaterThan(1000);
  expect(counters.transmitDropped.shaper_full).toBeUndefined();
  expect(await daemon.cli('qos', 'show')).not.toContain('shared');
  await expectLaws(daemon);
});
