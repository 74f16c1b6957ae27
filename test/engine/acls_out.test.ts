// Access lists for what leaves, of each kind of place.

import { expect, test } from 'vitest';
import { openAcls } from '../support/acls/rig.ts';

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
