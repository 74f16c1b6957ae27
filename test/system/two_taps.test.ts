// The main job: two hosts, one TAP each, everything at its defaults.

import { beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { iperf3, ping, tcp } from '../support/traffic.ts';

needs('ping', 'iperf3', 'nstat');

describe('two hosts on TAPs of one bridge', () => {
  let lab: Lab;
  let h1: Netns;
  let h2: Netns;
  let daemon: Taploomd;

  async function connect() {
    lab = await openLab();
    const [sw, ...hosts] = await lab.netnsList(['sw', 'h1', 'h2']);
    [h1, h2] = hosts;
    const ports = {
      h1: { type: 'tap', netns: h1.name },
      h2: { type: 'tap', netns: h2.name },
    };
    daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
    await h1.up('h1', '10.0.0.1/24', 'fd00::1/64');
    await h2.up('h2', '10.0.0.2/24', 'fd00::2/64');
  }

  async function expectNoChecksumErrors() {
    expect(await h1.checksumErrors()).toBe(0);
    expect(await h2.checksumErrors()).toBe(0);
  }

  beforeEach(connect);

  test('answer pings over IPv4 and IPv6, also with packets that fill the MTU', async () => {
    for (const address of ['10.0.0.2', 'fd00::2']) {
      expect(await ping(h1, address)).toMatchObject({ sent: 5, received: 5 });
    }
    expect(await ping(h2, '10.0.0.1', { size: 1472 })).toMatchObject({ received: 5 });
    expect(await ping(h2, '10.0.0.1', { size: 30_000 })).toMatchObject({ received: 5 });
    await expectLaws(daemon);
  });

  test('stream TCP both ways over IPv4 and IPv6 in GSO frames, without a wrong byte or checksum', async () => {
    for (const [from, to, address] of [
      [h1, h2, '10.0.0.2'],
      [h2, h1, 'fd00::1'],
    ] as const) {
      const { gigabitsPerSecond } = await tcp(from, to, address);
      expect(gigabitsPerSecond).toBeGreaterThan(1);
    }
    const { counters } = await daemon.port('h1');
    // A GSO frame counts once and stands for many segments: without offloads both numbers would be equal.
    expect(counters.receivedSegments).toBeGreaterThan(5 * counters.receivedFrames);
    expect(counters.transmittedSegments).toBeGreaterThan(5 * counters.transmittedFrames);
    await expectNoChecksumErrors();
    await expectLaws(daemon);
  });

  test('exchange UDP datagrams without a wrong checksum', async () => {
    const end = await iperf3(h1, h2, '10.0.0.2', 1, '-u', '-b', '50M', '-l', '1400');
    expect(end.sum?.packets).toBeGreaterThan(1000);
    expect(end.sum?.lost_packets).toBe(0);
    await expectNoChecksumErrors();
    await expectLaws(daemon);
  });
});
