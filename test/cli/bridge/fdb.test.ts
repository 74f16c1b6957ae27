// `bridge fdb`: which entries are shown and flushed, and what is refused with a sentence.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { BridgeFixture } from './fixture.ts';

const tap = { type: 'tap' };
const vxlan = { type: 'vxlan', vni: 42, local: '192.0.2.1', remotes: ['192.0.2.2'] };
let bridge: BridgeFixture;
beforeEach(async () => {
  bridge = new BridgeFixture({
    version: 1,
    bridges: {
      br0: { ports: { vm1: tap, vm2: tap, vx: vxlan }, static: [{ mac: '02:00:00:00:00:02', port: 'vm1' }] },
    },
  });
  const place = { bridge: 'br0', vlan: 0 };
  bridge.api.entries = [
    { ...place, mac: '02:00:00:00:00:01', port: 'vm1', type: 'learned', age: 7.5 },
    { ...place, mac: '02:00:00:00:00:02', port: 'vm1', type: 'static', age: 0 },
    { ...place, mac: '02:00:00:00:00:03', port: 'br0', type: 'local', age: 0 },
    { ...place, mac: '02:00:00:00:00:04', port: 'vm2', type: 'learned', age: 1, locked: true },
  ];
  await bridge.start();
});
afterEach(() => bridge.stop());

const fdb = (words: string) => bridge.run('fdb', ...words.split(' '));
const LEARNED = '02:00:00:00:00:01 dev vm1 master br0 \n';
const STATIC = '02:00:00:00:00:02 dev vm1 master br0 static\n';
const LOCAL = '02:00:00:00:00:03 dev br0 master br0 permanent\n';
const LOCKED = '02:00:00:00:00:04 dev vm2 locked master br0 \n';
const FLOOD = '00:00:00:00:00:00 dev vx dst 192.0.2.2 self permanent\n';

test.each([
  ['show', FLOOD + LEARNED + STATIC + LOCAL + LOCKED],
  ['show dynamic', LEARNED + STATIC + LOCKED],
  ['show state stat', STATIC],
  ['show state temp', STATIC],
  ['show state 0x80', FLOOD + LOCAL],
  ['show state reachable', LEARNED + LOCKED],
  ['show state dynamic state permanent', FLOOD + LEARNED + LOCAL + LOCKED],
  ['show state all', FLOOD + LEARNED + STATIC + LOCAL + LOCKED],
  ['show brport vm2', '02:00:00:00:00:04 locked master br0 \n'],
])('%s', async (words, out) => {
  expect(await fdb(words)).toEqual({ out, error: '', code: 0 });
});

test.each([
  ['dev br0', ['vm1'], ['br0']],
  ['dev br0 brport vm1', ['vm1'], ['br0 vm1']],
  ['dev vm1 master', ['vm1'], ['br0 vm1']],
  ['dev vm2 master', [], ['br0 vm2']],
  ['dev br0 static', ['vm1'], []],
  ['dev br0 nodynamic', ['vm1'], []],
  ['dev br0 added_by_user nopermanent', ['vm1'], []],
  ['dev br0 nostatic', [], ['br0']],
  ['dev br0 dynamic noadded_by_user noextern_learn', [], ['br0']],
  ['dev br0 static dynamic', [], []],
  ['dev br0 offloaded', [], []],
])('flush %s', async (words, statics, learned) => {
  expect(await fdb(`flush ${words}`)).toEqual({ out: '', error: '', code: 0 });
  const left = bridge.api.config.bridges.br0.static.map(({ port }) => port);
  const flushed = bridge.api.flushes.map(({ bridge: name, port }) => [name, port].join(' ').trim());
  expect({ left, flushed }).toEqual({ left: statics.length > 0 ? [] : ['vm1'], flushed: learned });
});

test.each([
  ['flush dev br0 sticky', /^Error: No entry of Taploom is told to be sticky.*flush static ones\.$/],
  ['flush dev br0 permanent', /^Error: The switch keeps the addresses of the host/],
  ['flush dev br0 statc', /^Usage: bridge fdb add/],
  ['flush dev vm1 brport vm1', /^RTNETLINK answers: Operation not supported$/],
  ['flush dev vx', /^Error: Stations behind vx are entries of br0: say "master"\.$/],
  ['add 02:00:00:00:00:09 dev vm1 master dynamic', /^Error: .*say "static" for one that stays\.$/],
  ['add 02:00:00:00:00:09 dev vm1 master extern_learn', /^Error: .*say "static" for one that stays\.$/],
  ['add 02:00:00:00:00:09 dev vm1 master', /^Error: Addresses of the host .*say "static" for a station\.$/],
  ['add 02:00:00:00:00:09 dev vm1 static', /^Error: vm1 has no stations of its own.*say "master static"\.$/],
  [
    'add 01:00:5e:00:00:01 dev vm1 master static',
    /^Error: .* is a group: bridge mdb add puts a port into one/,
  ],
  ['add 02:00:00:00:00:09 dev br0 self', /^Error: The switch knows the addresses of br0: --mac of taploom/],
  ['add 02:00:00:00:00:09 dev vx dst 192.0.2.3 vni 7', /^Error: Remotes of a tunnel share its VNI/],
  ['add 02:00:00:00:00:09 dev vm1 master static vlan 1 vlan 2', /^Error: either "vlan" is duplicate/],
  ['show state bogus', /^Error: argument "bogus" is wrong: invalid state$/],
])('%s is refused', async (words, message) => {
  const { error, code } = await fdb(words);
  expect({ error: error.trim(), code }).toEqual({ error: expect.stringMatching(message), code: 255 });
  expect(bridge.api.applied).toBe(0);
  expect(bridge.api.flushes).toEqual([]);
});

test('a static entry may be called sticky, which all of ours are', async () => {
  expect((await fdb('add 2:0:0:0:0:a dev vm2 master static sticky')).code).toBe(0);
  expect(bridge.api.config.bridges.br0.static.at(-1)).toEqual({ mac: '02:00:00:00:00:0a', port: 'vm2' });
});
