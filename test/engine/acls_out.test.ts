// Access lists for what leaves, of each kind of place.

import { expect, test } from 'vitest';
import { openAcls } from '../support/acls/rig.ts';
import { openRig } from '../support/engine/rig.ts';

test.each([
  ['bridge', 53],
  ['VLAN', 54],
  ['port', 55],
])('what leaves passes the list of the %s', async (_, denied) => {
  const vlan = { access: 10 };
  const deny = (port: number) => [{ deny: { protocol: 'udp', ports: port } }, { permit: 'any' }];
  const rig = await openAcls(
    {
      br0: {
        vlan_filtering: true,
        acls: { out: ['no53'] },
        vlans: { 10: { acls: { out: ['no54'] } } },
        ports: { p1: { vlan }, p2: { vlan, acls: { out: ['no55'] } } },
      },
    },
    { no53: deny(53), no54: deny(54), no55: deny(55) },
  );
  const udp = (dport: number) => ({ src: '10.0.0.1', dst: '10.0.0.2', sport: 5000, dport });
  expect(rig.send('p1', 'a > *', udp(56))).toEqual(['p2: it']);
  expect(rig.send('p1', 'a > *', udp(denied))).toEqual(['p2 drops: acl_out']);
  expect(rig.hits(`no${denied}`)).toEqual({ 1: 1, 2: 1 });
});

test('what is yellow may be dropped first from here on: it has DEI, by a list of what comes in and of what leaves', async () => {
  const police = { rate: '10pps', burst: 1, peak: '20pps', peak_burst: 3, exceed: 'dei' };
  const vlan = { trunk: [10] };
  const acls = { rated: [{ permit: 'any', police }] };
  for (const where of [{ p1: { in: ['rated'] } }, { p2: { out: ['rated'] } }] as Record<string, object>[]) {
    const ports = { p1: { vlan, acls: where.p1 }, p2: { vlan, acls: where.p2 } };
    const rig = await openRig({ br0: { vlan_filtering: true, ports: JSON.parse(JSON.stringify(ports)) } }, {
      acls,
    } as never);
    const lines = Array.from({ length: 5 }, () => rig.say('p1', 'a > * vlan 10 "x"')).flat();
    const heard = lines.filter((line) => line.startsWith('p2: '));
    expect(heard.map((line) => line.includes('dei'))).toEqual([false, true, true]);
  }
});
