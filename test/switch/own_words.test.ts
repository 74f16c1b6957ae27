// Routers, networks and protocols behind ports that are policed, shaped or have access lists: they say what they have to, and guests do not.

import { expect, onTestFinished, test } from 'vitest';
import { Simulation } from '../../src/simulation/index.ts';
import { macAt } from '../../src/wire/mac.ts';
import { lease, openWorld } from '../support/network_world.ts';
import { openPolled } from '../support/polled_switch.ts';
import { arpReply, arpRequest, BROADCAST, mac, ping, words } from '../support/router_world.ts';

const A = mac('02:00:00:00:00:0a');
const B = mac('02:00:00:00:00:0b');
const memory = { type: 'memory' as const };
const police = { out: { rate: '1pps', burst: 1 } };

test('a router asks and answers past an access list, and a packet that waited for its answer does not pass it', async () => {
  const world = await openPolled({
    version: 1,
    acls: {
      none: [{ deny: 'any' }],
      mute: [{ deny: { from_mac: '02:00:00:00:00:d0' } }, { permit: 'any' }],
    },
    bridges: {
      br0: {
        local: false,
        vlan_filtering: true,
        vlans: { 20: { acls: { in: ['mute'] } } },
        ports: {
          a: { ...memory, vlan: { access: 10 }, acls: { out: ['none'] } },
          b: { ...memory, vlan: { access: 20 }, qos: { police } },
        },
      },
    },
    routers: {
      r1: {
        interfaces: {
          web: { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24'] },
          db: { bridge: 'br0', vlan: 20, address: ['10.0.2.1/24'], mac: '02:00:00:00:00:d0' },
        },
      },
    },
  } as never);
  const { send, pass, heard, taploom } = world;
  await pass(5000, 100);
  // Who they are, and that nobody else is that.
  expect(heard('a').map(words)).toContain('ff:ff:ff:ff:ff:ff arp? 10.0.1.1 -> 10.0.1.1');
  expect(heard('b').map(words)).toHaveLength(3);
  send('a', arpRequest(A, '10.0.1.9', '10.0.1.1'));
  await pass(10);
  const [answer] = heard('a');
  expect(words(answer)).toBe('02:00:00:00:00:0a arp! 10.0.1.1 -> 10.0.1.9');
  const router = macAt(new DataView(answer.buffer), 6);
  send('a', ping(A, router, '10.0.1.9', '10.0.2.9'));
  await pass(30);
  const [question] = heard('b');
  expect(words(question)).toBe('ff:ff:ff:ff:ff:ff arp? 10.0.2.1 -> 10.0.2.9');
  send('b', arpReply(B, '10.0.2.9', macAt(new DataView(question.buffer), 6), '10.0.2.1'));
  await pass(30);
  expect(heard('b')).toEqual([]);
  expect(taploom.acls.list('mute').list[0]).toMatchObject({ frames: 1 });
});

test('a guest whose port is policed and full of what others send gets its lease', async () => {
  const network = { mode: 'isolated', subnet: '10.7.0.0/24', gateway: '10.7.0.1' };
  const world = await openWorld({
    local: false,
    network,
    ports: { p1: memory, p2: { ...memory, qos: { police } } },
  });
  const noise = ping(A, BROADCAST, '10.7.0.77', '10.7.0.255');
  const { pass } = world;
  world.pass = async (ms, step) => {
    for (let n = 0; n < 5; n++) world.send('p1', noise);
    await pass(ms, step);
    for (let n = 0; n < 5; n++) world.send('p1', noise);
  };
  await world.pass(10);
  expect(await lease(world, 'p2', 7)).toMatchObject({ type: 'ack' });
  const policed = world.taploom.ports().find(({ name }) => name === 'p2')?.counters.transmitDropped.policed;
  expect(policed).toBeGreaterThan(10);
});

test.each([
  ['policed', { qos: { police } }],
  ['shaper_full', { qos: { shape: '64kbit', limit: '2kb' } }],
  ['acl_out', { acls: { out: ['none'] } }],
])('two switches find and keep their tree and each other (%s)', async (reason, keys) => {
  const sim = new Simulation();
  onTestFinished(() => sim.close());
  const link = { ...memory, ...keys, lldp: true };
  const config = {
    version: 1,
    acls: { none: [{ deny: 'any' }] },
    bridges: {
      br0: {
        local: false,
        stp: { protocol: 'rstp' },
        ports: { l1: link, l2: link, host: { ...memory, stp: { edge: true } } },
      },
    },
  };
  const switches = [await sim.switch('s0', config as never), await sim.switch('s1', config as never)];
  sim.link('s0/l1', 's1/l1', { latency: 0.01 });
  sim.link('s0/l2', 's1/l2', { latency: 0.01 });
  const guests = switches.map((_, n) => {
    const guest = sim.station(`g${n}`);
    sim.link(`g${n}`, `s${n}/host`);
    return guest;
  });
  const noise = ping(A, BROADCAST, '192.0.2.1', '192.0.2.255');
  const pass = async (ms: number) => {
    for (let t = 0; t < ms; t += 20) {
      for (const guest of guests) for (let n = 0; n < 5; n++) guest.send(noise);
      await sim.run(20);
    }
  };
  const states = () => switches.flatMap((one) => one.ports().map(({ stp }) => stp?.state)).sort();
  await pass(5000);
  for (let n = 0; n < 20; n++) {
    expect(states()).toEqual(['blocking', ...Array(5).fill('forwarding')]);
    await pass(1000);
  }
  const drops = switches.flatMap((one) =>
    one.ports().map(({ counters }) => counters.transmitDropped[reason as 'policed'] ?? 0),
  );
  expect(Math.max(...drops)).toBeGreaterThan(1000);
  for (const one of switches) {
    expect(
      one
        .lldp()
        .map(({ port }) => port)
        .sort(),
    ).toEqual(['l1', 'l2']);
  }
});
