// Ports whose devices are full have a shaper that the configuration does not say: which of them, and what it is.

import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { withSharedUplinks } from '../../src/config/shared_uplinks.ts';

const config = parseConfig({
  version: 1,
  bridges: {
    br0: {
      ports: {
        guest: { type: 'tap' },
        up: { type: 'af_packet', interface: 'eth0', qos: { trust: 'dscp' } },
        shaped: { type: 'af_packet', interface: 'eth1', qos: { shape: '1gbit' } },
        dropping: { type: 'veth', netns: 'n1', qos: { when_full: 'drop' } },
        bond: { type: 'aggregate', members: { eth2: { type: 'af_packet' } } },
      },
    },
    br1: { ports: { vx: { type: 'vxlan', vni: 7, local: '192.0.2.1', remotes: ['192.0.2.2'] } } },
  },
});
const shaper = { shape: '38.21mbit', classes: [{ name: 'shared', fair: 'ports' }] };
const RATE = 38_213_456;

test('nothing is another configuration, as long as no uplink is full', () => {
  expect(withSharedUplinks(config, new Map())).toBe(config);
});

test('a port and a member get one, beside what they have', () => {
  const { ports } = withSharedUplinks(
    config,
    new Map([
      ['up', RATE],
      ['eth2', RATE],
    ]),
  ).bridges.br0;
  expect(ports.up).toMatchObject({ interface: 'eth0', qos: { trust: 'dscp', ...shaper } });
  expect(ports.bond).toMatchObject({ members: { eth2: { qos: shaper } } });
  expect(ports.guest).toBe(config.bridges.br0.ports.guest);
  expect(config.bridges.br0.ports.up).not.toMatchObject({ qos: shaper });
});

test('so does a tunnel, and bridges without such a port stay as they are', () => {
  const { br0, br1 } = withSharedUplinks(config, new Map([['vx', RATE]])).bridges;
  expect(br1.ports.vx).toMatchObject({ qos: shaper });
  expect(br0).toBe(config.bridges.br0);
});

test('guests, ports with a shape of their own, and those that drop have none', () => {
  const rates = new Map(['guest', 'shaped', 'dropping'].map((name) => [name, RATE]));
  expect(withSharedUplinks(config, rates)).toEqual(config);
});
