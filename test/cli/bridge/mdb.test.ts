// `bridge mdb`: one group, what is flushed, and what is refused. Of `get` and `flush`, which iproute2 has since 6.8, there is
// nothing on this machine to compare with.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { BridgeFixture } from './fixture.ts';

const tap = { type: 'tap' };
const G = '239.1.1.1';
let bridge: BridgeFixture;
beforeEach(async () => {
  bridge = new BridgeFixture({
    version: 1,
    bridges: {
      br0: {
        multicast: {
          static: [
            { group: '239.1.1.2', port: 'vm1' },
            { group: '239.1.1.3', port: 'vm2' },
          ],
        },
        ports: { vm1: tap, vm2: tap },
      },
      br1: {
        vlan_filtering: true,
        multicast: {},
        ports: { vm3: { type: 'tap', vlan: { native: 1, trunk: ['10-11'] } } },
      },
    },
  });
  const place = { bridge: 'br0', vlan: 0, group: G, type: 'dynamic' as const, expiresIn: 250 };
  const sources = [{ address: '10.0.0.9', isBlocked: false, expiresIn: 200 }];
  bridge.api.groups.entries = [
    { ...place, port: 'vm1', mode: 'exclude', sources: [] },
    { ...place, port: 'vm2', mode: 'include', sources },
    { ...place, group: 'ff15::7', port: 'vm1', mode: 'exclude', sources: [] },
  ];
  await bridge.start();
});
afterEach(() => bridge.stop());

const mdb = (words: string, ...options: string[]) => bridge.run(...options, 'mdb', ...words.split(' '));

test('get tells who is in one group, or in a source of it', async () => {
  expect(await mdb(`get dev br0 grp ${G}`)).toEqual({
    out: `dev br0 port vm1 grp ${G} temp\ndev br0 port vm2 grp ${G} temp\n`,
    error: '',
    code: 0,
  });
  expect((await mdb(`get dev br0 grp ${G} src 10.0.0.9`)).out).toBe(
    `dev br0 port vm1 grp ${G} src 10.0.0.9 temp added_by_star_ex\ndev br0 port vm2 grp ${G} src 10.0.0.9 temp\n`,
  );
  const [{ grp, port }] = JSON.parse((await mdb('get dev br0 grp ff15:0::7', '-j')).out);
  expect({ grp, port }).toEqual({ grp: 'ff15::7', port: 'vm1' });
});

test.each([
  ['dev br0', ['br0'], []],
  ['dev br0 nopermanent', ['br0'], ['vm1', 'vm2']],
  ['dev br0 proto kernel', ['br0'], ['vm1', 'vm2']],
  ['dev br0 permanent', [], []],
  ['dev br0 proto static', [], []],
  ['dev br0 port vm1', ['br0 vm1'], ['vm2']],
])('flush %s', async (words, flushed, left) => {
  expect(await mdb(`flush ${words}`)).toEqual({ out: '', error: '', code: 0 });
  const told = bridge.api.groupFlushes.map(({ bridge: name, port }) => [name, port].join(' ').trim());
  expect(told).toEqual(flushed);
  expect(bridge.api.config.bridges.br0.multicast?.static.map(({ port }) => port)).toEqual(left);
});

test('without a VLAN a port is in the group in all of its own', async () => {
  const add = await mdb(`add dev br1 port vm3 grp ${G} permanent proto static`);
  expect(add).toEqual({ out: '', error: '', code: 0 });
  const vlans = () => bridge.api.config.bridges.br1.multicast?.static.map(({ vlan }) => vlan);
  expect(vlans()).toEqual([1, 10, 11]);
});

test.each([
  ['get dev br0', 'Device and group address are required arguments.', 255],
  [`get dev br0 grp 239.9.9.9`, 'Error: bridge: MDB entry not found.', 254],
  [`get dev vm1 grp ${G}`, 'Error: Device does not support MDB operations.', 254],
  ['get dev br0 grp bogus', 'Invalid address "bogus"', 255],
  ['add dev br0 port vm1 grp 224.0.0.5', 'Error: IPv4 entry group address is local multicast.', 255],
  ['add dev br0 port vm1 grp 10.0.0.1', 'Error: IPv4 entry group address is not multicast or 0.0.0.0.', 255],
  ['add dev br0 port vm1 grp ff02::1', 'Error: IPv6 entry group address is link-local all nodes.', 255],
  ['add dev br0 port vm1 grp 01:00:5e:01:02:04', 'Error: bridge: Only permanent L2 entries allowed.', 255],
  ['add dev br0 port vm1 grp 02:00:5e:01:02:04', 'Error: L2 entry group is not multicast.', 255],
  [
    'add dev br0 port vm1 grp 01:00:5e:01:02:04 permanent',
    'Error: Snooping knows groups by their IP address: frames to other groups go to all ports.',
    255,
  ],
  [
    'add dev br0 port vm1 grp 239.9.9.9 src ff15::9',
    'Error: bridge: IPv4 invalid source address length.',
    255,
  ],
  [
    'add dev br0 port vm1 grp ff15::9 src ff15::8',
    'Error: bridge: IPv6 multicast source address is not allowed.',
    255,
  ],
  [
    'add dev br0 port vm1 grp 239.9.9.9 permanent source_list 10.0.0.1',
    'Error: A permanent group of Taploom has no sources to exclude: say temp.',
    255,
  ],
  ['flush dev br0 proto zebra', expect.stringMatching(/^Error: Taploom does not keep who made a group/), 255],
  ['flush dev br0 vni 7', expect.stringMatching(/^Error: A VXLAN port sends groups to all its remotes/), 255],
  ['flush dev br0 permanen', expect.stringMatching(/^Usage: bridge mdb add/), 255],
  ['flush port vm1', 'Device is a required argument.', 255],
  ['show dev br0 dev br1', 'Error: duplicate "dev": "br1" is the second value.', 255],
])('%s is refused', async (words, error, code) => {
  const told = await mdb(words);
  expect({ error: told.error.trim(), code: told.code }).toEqual({ error, code });
  expect(bridge.api.applied + bridge.api.joins.length + bridge.api.groupFlushes.length).toBe(0);
});
