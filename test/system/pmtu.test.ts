// Hosts that believe in an MTU of 1,500 on both sides of a tunnel that carries less: the switch tells them.
//
//   h1 -- TAP, 1500 -- taploomd in s1 -- und0 ---- und0 -- taploomd in s2 -- TAP, 1500 -- h2
//                        VXLAN, 1450 over IPv4, 1430 over IPv6
//
// No address is used by two tests of a pair: what a host has learned it keeps for ten minutes.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, iperf3, ping, tcp } from '../support/traffic.ts';

needs('ping', 'tcpdump', 'nstat', 'iperf3');

const script = (name: string) => fileURLToPath(new URL(`../support/${name}.py`, import.meta.url));
const PYTHON = '/usr/bin/python3';

interface Underlay {
  addresses: [string, string];
  prefix: number;
  mtu: number;
}
const UNDERLAYS: [string, Underlay][] = [
  ['IPv4', { addresses: ['192.0.2.1', '192.0.2.2'], prefix: 24, mtu: 1450 }],
  ['IPv6', { addresses: ['2001:db8::1', '2001:db8::2'], prefix: 64, mtu: 1430 }],
];

async function connect({ addresses, prefix }: Underlay) {
  const lab = await openLab();
  const [s1, s2, h1, h2] = await lab.netnsList(['s1', 's2', 'h1', 'h2']);
  await lab.veth(s1, 'und0', s2, 'und0');
  const daemons: Taploomd[] = [];
  for (const [k, [where, host]] of [
    [s1, h1],
    [s2, h2],
  ].entries()) {
    await where.up('und0', `${addresses[k]}/${prefix}`);
    const ports = {
      [`h${k + 1}`]: { type: 'tap', netns: host.name, mtu: 1500 },
      [`vx${k + 1}`]: { type: 'vxlan', vni: 42, local: addresses[k], remotes: [addresses[1 - k]] },
    };
    daemons.push(await Taploomd.start(lab, where, { version: 1, bridges: { br0: { ports } } }));
    await host.up(
      `h${k + 1}`,
      `10.0.0.${k + 1}/24`,
      `10.0.1.${k + 1}/24`,
      `fd00::${k + 1}/64`,
      `fd01::${k + 1}/64`,
    );
  }
  return { lab, daemons, h1, h2, hosts: [h1, h2] };
}

/** The MTU that a host has learned for a destination; undefined if none. */
async function learnedMtu(host: Netns, address: string): Promise<number | undefined> {
  const found = (await host.check(['ip', 'route', 'get', address])).match(/ mtu (\d+)/);
  return found ? Number(found[1]) : undefined;
}

/** With DF set. */
function pingTwice(from: Netns, address: string, size: number) {
  const options = '-n -c 2 -i 0.2 -W 1 -M do'.split(' ');
  return from.run(['ping', ...options, '-s', String(size), address]);
}

describe.each(UNDERLAYS)('over %s', (_, underlay) => {
  const { mtu } = underlay;

  test('ping with DF is told what fits, in an answer that scapy finds valid', async () => {
    const { lab, daemons, h1, hosts } = await connect(underlay);
    for (const address of ['10.0.0.2', 'fd00::2']) {
      expect(await ping(h1, address, { count: 1, waitSeconds: 3 })).toMatchObject({ received: 1 });
    }
    const file = `${lab.dir}/h1.pcap`;
    const capture = await Capture.start(h1, 'h1', file, '-s', '2000', 'icmp or icmp6');
    const big = await pingTwice(h1, '10.0.0.2', 1472);
    expect(big.stdout).toContain(`From 10.0.0.2 icmp_seq=1 Frag needed and DF set (mtu = ${mtu})`);
    expect(big.stderr + big.stdout).toContain(`message too long, mtu=${mtu}`);
    const big6 = await pingTwice(h1, 'fd00::2', 1452);
    expect(big6.stdout).toContain(`From fd00::2 icmp_seq=1 Packet too big: mtu=${mtu}`);
    for (const address of ['10.0.0.2', 'fd00::2']) expect(await learnedMtu(h1, address)).toBe(mtu);
    // What fits, goes.
    for (const [address, size] of [
      ['10.0.0.2', mtu - 28],
      ['fd00::2', mtu - 48],
    ] as const) {
      expect(await ping(h1, address, { count: 1, waitSeconds: 3, size })).toMatchObject({ received: 1 });
    }

    await capture.stop();
    expect(readFileSync(file).length).toBeGreaterThan(1000);
    const answers = JSON.parse(await h1.check([PYTHON, script('pcap_errors'), file]));
    const macs = await Promise.all(hosts.map(async (host, k) => (await host.link(`h${k + 1}`)).address));
    const common = { from: macs[1], to: macs[0], mtu, isValid: true };
    expect(answers).toEqual([
      {
        ...common,
        type: 3,
        code: 4,
        src: '10.0.0.2',
        dst: '10.0.0.1',
        quotedSrc: '10.0.0.1',
        quotedDst: '10.0.0.2',
      },
      {
        ...common,
        type: 2,
        code: 0,
        src: 'fd00::2',
        dst: 'fd00::1',
        quotedSrc: 'fd00::1',
        quotedDst: 'fd00::2',
      },
    ]);
    const { counters } = await daemons[0].port('vx1');
    expect(counters).toMatchObject({ generated: 2, transmitDropped: { too_big: 2 } });
    expect(
      (await daemons[0].metrics()).get('taploom_port_generated_packets_total{bridge="br0",port="vx1"}'),
    ).toBe(2);
    for (const daemon of daemons) await expectLaws(daemon);
  });

  test('TCP with an MSS of 1,460 finds its way at once, both ways, and goes on at full speed', async () => {
    const { daemons, h1, h2, hosts } = await connect(underlay);
    for (const [from, to, address] of [
      [h1, h2, '10.0.0.2'],
      [h2, h1, '10.0.1.1'], // a host that has learned an MTU announces an MSS that fits
      [h1, h2, 'fd00::2'],
      [h2, h1, 'fd01::1'],
    ] as const) {
      // Byte by byte the same, from the first connection on, which meets the tunnel unprepared.
      expect((await tcp(from, to, address, 0.5)).gigabitsPerSecond).toBeGreaterThan(0.05);
      expect(await learnedMtu(from, address)).toBe(mtu);
    }
    // Beside a pair that knows from the start.
    for (const [k, host] of hosts.entries()) {
      await host.ip(
        `addr add 10.0.2.${k + 1}/24 dev h${k + 1}`,
        `route replace 10.0.2.0/24 dev h${k + 1} mtu ${mtu}`,
      );
    }
    const { sum_received: learned } = await iperf3(h1, h2, '10.0.0.2', 2);
    const { sum_received: configured } = await iperf3(h1, h2, '10.0.2.2', 2);
    expect(learned.bits_per_second).toBeGreaterThan(0.5 * configured.bits_per_second);
    for (const daemon of daemons) await expectLaws(daemon);
    for (const host of hosts) expect(await host.checksumErrors()).toBe(0);
  });

  test('UDP with DF gets EMSGSIZE after its first datagram', async () => {
    const { h1 } = await connect(underlay);
    for (const [address, size] of [
      ['10.0.0.2', 1472],
      ['fd00::2', 1452],
    ] as const) {
      const refused = Number(await h1.check([PYTHON, script('udp_pmtu'), address, String(size)]));
      expect(refused).toBeGreaterThanOrEqual(2);
      expect(refused).toBeLessThan(6);
      expect(await learnedMtu(h1, address)).toBe(mtu);
    }
  });
});
