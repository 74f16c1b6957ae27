// A TUN port with a kernel at its other end, and guests on TAPs.

import { beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, tcp } from '../support/traffic.ts';

needs('ping', 'iperf3', 'nstat');

describe.each([1, 2])('a TUN on a bridge with guests, %i workers', (workers) => {
  let lab: Lab;
  let vpn: Netns;
  let guest: Netns;
  let other: Netns;
  let daemon: Taploomd;

  beforeEach(async () => {
    lab = await openLab();
    const [sw, ...hosts] = await lab.netnsList(['sw', 'vpn', 'guest', 'other']);
    [vpn, guest, other] = hosts;
    const ports = {
      vpn: {
        type: 'tun',
        netns: vpn.name,
        address: ['10.0.0.1/24', 'fd00::1/64'],
        gateway: ['10.0.0.2', 'fd00::2'],
        queues: workers,
      },
      guest: { type: 'tap', netns: guest.name },
      other: { type: 'tap', netns: other.name },
    };
    daemon = await Taploomd.start(
      lab,
      sw,
      { version: 1, bridges: { br0: { ports } } },
      { args: ['--workers', String(workers)] },
    );
    await guest.up('guest', '10.0.0.2/24', 'fd00::2/64');
    await other.up('other', '10.0.0.3/24', 'fd00::3/64');
  });

  test('guests reach its addresses, and what is behind it, over IPv4 and IPv6', async () => {
    for (const address of ['10.0.0.1', 'fd00::1'])
      expect(await ping(guest, address)).toMatchObject({ received: 5 });
    expect(await ping(other, '10.0.0.1', { size: 30_000 })).toMatchObject({ received: 5 });
    // Behind it, by routes: the far side's are on its own interface, without a next hop.
    await vpn.ip('address add 192.0.2.1/32 dev lo');
    await vpn.ip('link set lo up');
    await guest.ip('route add 192.0.2.0/24 via 10.0.0.1');
    expect(await ping(guest, '192.0.2.1')).toMatchObject({ received: 5 });
    // Beyond a guest, which is its gateway.
    await guest.ip('address add 198.51.100.1/32 dev lo');
    await guest.ip('link set lo up');
    await vpn.ip('route add 198.51.100.0/24 dev vpn');
    expect(await ping(vpn, '198.51.100.1')).toMatchObject({ received: 5 });
    await expectLaws(daemon);
  });

  test('a guest that has not spoken is asked for, at the price of the first packet', async () => {
    for (const address of ['10.0.0.3', 'fd00::3']) {
      expect(await reaches(vpn, address)).toBe(true);
    }
    // What a trace says of frames that are none of its own, and of ARP.
    const trace = (...words: string[]) =>
      daemon.cli('trace', 'br0', '--in', 'other', '--src', '02:00:00:00:00:03', ...words);
    const elsewhere = ['--dst', '02:00:00:00:00:77', '--ip-src', '10.0.0.3', '--ip-dst', '10.0.0.77'];
    expect(await trace(...elsewhere)).toMatch(/not to vpn, tun_other_station/);
    expect(await trace('--dst', 'ff:ff:ff:ff:ff:ff')).toMatch(/not to vpn, tun_not_ip/);
    // Nobody has that address.
    await ping(vpn, '10.0.0.77');
    const { counters } = await daemon.port('vpn');
    expect(counters.receiveDropped.tun_unknown_station).toBeGreaterThan(0);
    await expectLaws(daemon);
  });

  test('TCP streams through it in super-frames, without a wrong checksum', async () => {
    const { gigabitsPerSecond } =
      workers === 1 ? await tcp(guest, vpn, '10.0.0.1') : await tcp(vpn, guest, 'fd00::2');
    expect(gigabitsPerSecond).toBeGreaterThan(0.5);
    const { counters } = await daemon.port('vpn');
    const [segments, frames] =
      workers === 1
        ? [counters.transmittedSegments, counters.transmittedFrames]
        : [counters.receivedSegments, counters.receivedFrames];
    expect(segments).toBeGreaterThan(5 * frames);
    expect(await guest.checksumErrors()).toBe(0);
    expect(await vpn.checksumErrors()).toBe(0);
    await expectLaws(daemon);
  });
});
