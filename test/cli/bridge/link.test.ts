// `bridge link`: what flags become in the configuration, and what is refused with a sentence.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BridgeFixture } from './fixture.ts';

let bridge: BridgeFixture;
beforeEach(async () => {
  const tap = { type: 'tap' };
  bridge = new BridgeFixture({
    version: 1,
    bridges: { br0: { ports: { vm1: tap, vm2: tap } }, br1: { stp: true, ports: { vm9: tap } } },
  });
  await bridge.start();
});
afterEach(() => bridge.stop());

const vm1 = () => bridge.api.config.bridges.br0.ports.vm1;
const set = (words: string) => bridge.run('link', 'set', 'dev', 'vm1', ...words.split(' '));
const done = { out: '', error: '', code: 0 };

describe('state', () => {
  test.each(['forwarding', '3'])('%s enables a port that is disabled for an error', async (state) => {
    bridge.api.disabled.add('vm1');
    bridge.api.states.set('vm1', 'disabled');
    expect(await set(`state ${state}`)).toEqual(done);
    expect([...bridge.api.disabled]).toEqual([]);
  });

  test('a port that is down for another reason stays so', async () => {
    bridge.api.states.set('vm1', 'down');
    const error = 'RTNETLINK answers: Network is down\n';
    expect(await set('state forwarding')).toEqual({ out: '', error, code: 255 });
  });

  test('a spanning tree decides', async () => {
    const { error } = await bridge.run(...'link set dev vm9 state blocking'.split(' '));
    expect(error).toBe('RTNETLINK answers: Device or resource busy\n');
  });

  test('without one a port that is up forwards', async () => {
    expect(await set('state forwarding')).toEqual(done);
    expect((await set('state blocking')).error).toBe(
      'Error: Without a spanning tree a port forwards while its link is up: ip link set vm1 down stops it.\n',
    );
  });
});

test('flags of Linux are keys of the port', async () => {
  expect(
    await set(
      'guard on root_block on fastleave on hairpin on learning off flood off mcast_flood off bcast_flood off mcast_router 2 isolated on locked on mab on mcast_max_groups 5 cost 7 priority 9',
    ),
  ).toEqual(done);
  const changed = {
    stp: { guard: ['bpdu', 'root'], cost: 7, priority: 9 },
    ...{ mcast_fast_leave: true, mcast_router: 'permanent', mcast_max_groups: 5 },
    ...{ hairpin: true, learning: false, flood: false, mcast_flood: false, bcast_flood: false },
    ...{ isolated: true, locked: true, mab: true },
  };
  expect(vm1()).toMatchObject(changed);
  expect((await bridge.run('-d', 'link', 'show', 'dev', 'vm1')).out).toContain(
    '    hairpin on guard on root_block on fastleave on learning off flood off mcast_flood off bcast_flood off mcast_router 2 mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated on locked on mab on mcast_max_groups 5 \n',
  );
  expect(await set('guard off mcast_router 0 mab off mcast_max_groups 0')).toEqual(done);
  expect(vm1()).toMatchObject({ stp: { guard: ['root'] }, mcast_router: 'off', mab: false });
  expect(vm1().mcast_max_groups).toBeUndefined();
});

test('other guards stay', async () => {
  vm1().stp = { priority: 32, guard: ['tcn', 'bpdu'] };
  await set('root_block on guard off');
  expect(vm1().stp?.guard).toEqual(['tcn', 'root']);
});

test.each([
  ['neigh_suppress on', /^Error: Taploom has no neigh_suppress: .*bcast_flood off keeps all ARP/],
  ['vlan_tunnel on', /^Error: Taploom has no vlan_tunnel: .*taploom port add\.$/],
  ['mcast_to_unicast on', /^Error: Taploom has no mcast_to_unicast: /],
  ['backup_port vm2', /^Error: A port of Taploom has no backup: an aggregate/],
  ['mcast_router 3', /^Error: mcast_router 3 is .*2 makes it so for good\.$/],
  ['mab on', /^Error: only a locked port asks/],
  ['hairpin on self', /^RTNETLINK answers: Operation not supported$/],
  ['bogus', /^Usage: bridge link set dev DEV/],
])('%s is refused', async (words, message) => {
  const before = structuredClone(vm1());
  const { error, code } = await set(words);
  expect({ error: error.trim(), code }).toEqual({ error: expect.stringMatching(message), code: 255 });
  expect(vm1()).toEqual(before);
});

test('ports of one bridge', async () => {
  const { out } = await bridge.run('link', 'show', 'master', 'br1');
  expect(out).toMatch(/^\d+: vm9: .* master br1 .*\n$/);
  expect(await bridge.run('link', 'show', 'master', 'nope')).toEqual({
    ...{ out: '', error: 'Cannot find device "nope"\n', code: 255 },
  });
});
