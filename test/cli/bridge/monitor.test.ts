// `bridge monitor`: what it makes of the switch's events. Lines as those of iproute2 6.1 on Linux 6.1, in a guest.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventFact } from '../../../src/event.ts';
import type { Outcome } from '../control_fixture.ts';
import { BridgeFixture } from './fixture.ts';

const tap = { type: 'tap' };
let bridge: BridgeFixture;
beforeEach(async () => {
  bridge = new BridgeFixture({
    version: 1,
    bridges: { br0: { vlan_filtering: true, multicast: {}, ports: { tlb1: tap, tlb2: tap } } },
  });
  await bridge.start();
});
afterEach(() => bridge.stop());

type Step = string | EventFact | (() => Promise<unknown>);

/** What it prints of each step, which is a command, a change or an event. `link NAME` stands for the line of a port. */
async function monitored(options: string[], ...steps: readonly Step[]): Promise<string[]> {
  const outcome: Outcome = { out: '', error: '', code: 0 };
  const ended = bridge.runAt(bridge.socket, options, undefined, outcome);
  await expect.poll(() => bridge.api.events.followers, { timeout: 10_000 }).toBe(1);
  const told: string[] = [];
  for (const step of steps) {
    outcome.out = '';
    if (typeof step === 'string') expect((await bridge.run(...step.split(' '))).code).toBe(0);
    else if (typeof step === 'function') await step();
    else bridge.api.events.add(step);
    await expect.poll(() => outcome.out, { timeout: 10_000 }).not.toBe('');
    told.push(plain(outcome.out));
  }
  await bridge.stop();
  await ended;
  return told;
}

/** Makes the bridge so. */
const changed = (keys: object) => {
  const { br0 } = bridge.api.config.bridges;
  return bridge.api.apply({ version: 1, bridges: { br0: { ...br0, ...keys } } });
};

const plain = (text: string) =>
  text
    .replaceAll(/\d+: (\w+): <\S*> mtu 1500 master br0 state forwarding priority 32 cost 2 $/gm, 'link $1')
    .replaceAll(/Deleted \d+: (\w+): <\S*> mtu 1500 master br0 $/gm, 'Deleted link $1');

const port = (change: 'up' | 'removed', name = 'tlb1'): EventFact => {
  return { type: 'port', change, bridge: 'br0', port: name };
};

test('VLANs of a port as it gets and loses them', async () => {
  const forwarding = '\n                    state forwarding mcast_router 1 \n';
  expect(
    await monitored(
      ['monitor', 'all'],
      'vlan add dev tlb2 vid 20',
      'vlan add dev tlb2 vid 20 pvid untagged',
      'vlan del dev tlb2 vid 20',
      'vlan add dev tlb2 vid 30-32',
      'vlan del dev tlb2 vid 30-32',
      'vlan add dev br0 vid 30 self',
    ),
  ).toEqual([
    `[VLAN]tlb2              20${forwarding}[LINK]link tlb2\n`,
    // one VLAN of a port is untagged
    `[VLAN]Deleted tlb2              1
                    state disabled 
[VLAN]tlb2              20 PVID Egress Untagged${forwarding}[LINK]link tlb2\n`,
    `[VLAN]Deleted tlb2              20
                    state disabled 
[LINK]link tlb2\n`,
    `[VLAN]tlb2              30-32${forwarding}[LINK]link tlb2\n`,
    `[VLAN]Deleted tlb2              30-32
                    state disabled 
[LINK]link tlb2\n`,
    `[VLAN]br0               30${forwarding}`,
  ]);
});

const station = { type: 'station', bridge: 'br0', vlan: 10, mac: '02:00:00:00:00:01' } as const;
const router = { type: 'multicast', bridge: 'br0', vlan: 1, port: 'tlb1' } as const;

test('stations, groups and router ports, without labels', async () => {
  expect(
    await monitored(
      ['-j', 'monitor'],
      { ...station, change: 'moved', from: 'tlb1', to: 'tlb2' },
      { ...station, change: 'locked', from: 'tlb1', to: 'tlb1' },
      'fdb add 02:00:00:00:00:55 dev tlb1 master static vlan 1',
      () => changed({ static: [] }),
      'mdb add dev br0 port tlb1 grp 239.9.9.9 permanent vid 1',
      () => changed({ multicast: {} }),
      { ...router, change: 'router_added', protocol: 'igmp' },
    ),
  ).toEqual([
    '02:00:00:00:00:01 dev tlb2 vlan 10 master br0 \n',
    '02:00:00:00:00:01 dev tlb1 vlan 10 locked master br0 \n',
    '02:00:00:00:00:55 dev tlb1 vlan 1 master br0 static\n',
    'Deleted 02:00:00:00:00:55 dev tlb1 vlan 1 master br0 static\n',
    'dev br0 port tlb1 grp 239.9.9.9 permanent vid 1\n',
    'Deleted dev br0 port tlb1 grp 239.9.9.9 permanent vid 1\n',
    'router port dev tlb1 master br0\n',
  ]);
});

test('ports as they come and go, and what they are told to be', async () => {
  expect(
    await monitored(
      ['-d', 'monitor', 'link'],
      'link set dev tlb1 hairpin on',
      { type: 'stp', change: 'forwarding', bridge: 'br0', port: 'tlb2', role: 'designated' },
      port('removed', 'tlb2'),
    ),
  ).toEqual([
    expect.stringMatching(/^link tlb1\n {4}hairpin on /),
    expect.stringMatching(/^link tlb2\n {4}hairpin off /),
    'Deleted link tlb2\n',
  ]);
});

test('only what was asked for', async () => {
  const { add } = bridge.api.events;
  const told = monitored(['monitor', 'vlan', 'fdb'], { ...station, change: 'moved', from: 'a', to: 'tlb2' });
  await expect.poll(() => bridge.api.events.followers, { timeout: 10_000 }).toBe(1);
  add.call(bridge.api.events, port('up'));
  expect(await told).toEqual(['02:00:00:00:00:01 dev tlb2 vlan 10 master br0 \n']);
});

test.each([
  ['bogus', 'Argument "bogus" is unknown, try "bridge monitor help".'],
  ['help', 'Usage: bridge monitor [ link | fdb | mdb | vlan | all ]'],
  ['file /tmp/x', expect.stringMatching(/^Error: .*: taploom events tells what it has stored\.$/)],
  ['vni', expect.stringMatching(/^Error: A VXLAN port has one VNI/)],
])('monitor %s is refused', async (words, error) => {
  const told = await bridge.run('monitor', ...words.split(' '));
  expect({ ...told, error: told.error.trim() }).toEqual({ out: '', error, code: 255 });
});
