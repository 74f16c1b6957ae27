// Shaping with the kernel's TCP and UDP: what arrives at the receiver is the rate that was asked for.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { iperf3 } from '../support/traffic.ts';

needs('iperf3');

/** Of a full TCP segment with timestamps: bytes on the wire for each of payload. */
const TCP_WIRE = 1514 / 1448;

describe('a shaped TAP', () => {
  let lab: Lab;
  let h1: Netns;
  let h2: Netns;
  let daemon: Taploomd;

  async function connect(qos: Record<string, unknown>, more: Record<string, unknown> = {}) {
    lab = await openLab();
    const [sw, ...hosts] = await lab.netnsList(['sw', 'h1', 'h2']);
    [h1, h2] = hosts;
    const ports = {
      h1: { type: 'tap', netns: h1.name },
      h2: { type: 'tap', netns: h2.name, qos },
    };
    daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } }, ...more });
    await h1.up('h1', '10.0.0.1/24');
    await h2.up('h2', '10.0.0.2/24');
  }

  test.each([
    ['10mbit', 10e6, 4],
    ['100mbit', 100e6, 3],
    ['1gbit', 1e9, 3],
  ] as const)('transmits TCP at %s', async (shape, rate, seconds) => {
    await connect({ shape });
    const { sum_received } = await iperf3(h1, h2, '10.0.0.2', seconds, '-O', '1');
    const measured = (sum_received?.bits_per_second ?? 0) * TCP_WIRE;
    expect(measured / rate).toBeGreaterThan(0.98);
    expect(measured / rate).toBeLessThan(1.02);
    await expectLaws(daemon);
  });

  test('transmits UDP at 100mbit, and drops the rest', async () => {
    await connect({ shape: '100mbit', limit: '2mb' });
    const server = h2.spawn(['iperf3', '-s', '-1', '--forceflush']);
    await server.waitFor(/listening/);
    const client = h1.spawn(['iperf3', '-c', '10.0.0.2', '-u', '-b', '300M', '-l', '1400', '-t', '4']);
    await sleep(700);
    const rate = await rateAt(h2, 'h2', 2500);
    expect(rate / 100e6).toBeGreaterThan(0.98);
    expect(rate / 100e6).toBeLessThan(1.02);
    await client.exit();
    const { counters } = await daemon.port('h2');
    expect(counters.transmitDropped.shaper_full).toBeGreaterThan(1000);
    await expectLaws(daemon);
  });
});

/** Bits a second that come in at an interface. */
async function rateAt(host: Netns, device: string, ms: number): Promise<number> {
  const from = performance.now();
  const before = (await host.link(device)).stats64.rx.bytes;
  const read = performance.now();
  await sleep(ms);
  const again = performance.now();
  const after = (await host.link(device)).stats64.rx.bytes;
  return ((after - before) * 8000) / ((again + performance.now() - from - read) / 2);
}
