// What was reported of access lists elsewhere, tried on ours.

import { expect, test } from 'vitest';
import { openAcls } from '../support/acls/rig.ts';
import { packet as wide } from '../support/engine/packets.ts';

const stations = { from: 'a', to: 'b', src: 'fd00::1', dst: 'fd00::2' };
const datagram = [0x13, 0x88, 0, 53, 0, 8, 0, 0];

async function open(rules: readonly unknown[]) {
  return openAcls({ br0: { ports: { p1: { acls: { in: ['list'] } }, p2: {} } } }, { list: rules });
}

test('FDio/vpp#2029: a UDP datagram of IPv6 without payload has ports, too', async () => {
  const rig = await open([{ permit: { protocol: 'udp', ports: 53 } }]);
  expect(rig.sendFrame('p1', wide({ ...stations, protocol: 17, payload: datagram }))).toEqual(['p2: it']);
});

test('FDio/vpp#2024: what becomes of later fragments is a rule of its own, and not that of some port', async () => {
  const rig = await open([
    { permit: { protocol: 'udp', fragment: 'later', from: '10.0.0.1' } },
    { permit: { protocol: 'udp', ports: 53 } },
  ]);
  const fragment = (src: string) => ({ src, dst: '10.0.0.2', sport: 53, dport: 53, fragment: 3 });
  expect(rig.send('p1', 'a > b', fragment('10.0.0.1'))).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > b', fragment('10.0.0.3'))).toEqual(['p1 drops: acl_in']);
});

test('sonic-net/sonic-buildimage#20255: of two types of ICMPv6 the rule of the right one counts', async () => {
  const rig = await open([
    { permit: { protocol: 'icmpv6', type: 1, code: 0 } },
    { permit: { protocol: 'icmpv6', type: 129 } },
  ]);
  const payload = [129, 0, 0, 0, 0, 0, 0, 0];
  expect(rig.sendFrame('p1', wide({ ...stations, protocol: 58, payload }))).toEqual(['p2: it']);
  expect(rig.hits('list')).toEqual({ 2: 1 });
});

test('sonic-net/SONiC#269, sonic-buildimage#734: the end denies what no rule permits, and not ARP', async () => {
  const rig = await open([{ permit: { from: '10.10.0.26', to: '10.10.1.26' } }]);
  const udp = (src: string) => ({ src, dst: '10.10.1.26', sport: 1, dport: 2 });
  expect(rig.send('p1', 'a > b', udp('10.10.0.26'))).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > b', udp('10.10.0.27'))).toEqual(['p1 drops: acl_in']);
  const arp = [2, 0, 0, 0, 0, 0x62, 2, 0, 0, 0, 0, 0x61, 8, 6, ...new Array(46).fill(0)];
  expect(rig.sendFrame('p1', Uint8Array.from(arp))).toEqual(['p2: it']);
});

test('FDio/vpp#801: a rule that comes in the place of another begins at 0, and the others go on', async () => {
  const rig = await open([{ deny: { protocol: 'tcp' } }, { permit: 'any' }]);
  rig.send('p1', 'a > b', { src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2 });
  await rig.change(({ acls = {} }) => {
    acls.list[0] = { deny: { protocol: 'sctp' } };
  });
  expect(rig.hits('list')).toEqual({ 2: 1 });
  await rig.change(({ acls = {} }) => {
    acls.list[1] = { permit: {} };
  });
  expect(rig.hits('list')).toEqual({});
});

test('a rule counts the bytes of its frames', async () => {
  const rig = await openAcls(
    { br0: { ports: { p1: { acls: { in: ['all'] } }, p2: {} } } },
    { all: [{ permit: 'any' }] },
  );
  for (let n = 0; n < 3; n++) rig.say('p1', 'a > *');
  expect(rig.taploom.acls.list('all').list[0]).toMatchObject({ frames: 3, bytes: 180 });
});
