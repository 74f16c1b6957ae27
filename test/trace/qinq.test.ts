// What a trace says of service tags, tunnels and translated VIDs.

import { expect, test } from 'vitest';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const open = (): Promise<TraceRig> =>
  openTraceRig({
    br0: {
      vlan_filtering: true,
      vlan_protocol: '802.1ad',
      ports: {
        cust: { vlan: { tunnel: { 100: [10] } } },
        other: { vlan: { tunnel: 100 } },
        up: { vlan: { trunk: [100, 110], translate: { 7: 110 } } },
      },
    },
  });

test('where a customer’s frames go, and which of them', async () => {
  const rig = await open();
  const told = await rig.told('cust', 'a > * vlan 10');
  expect(told).toContain(
    'classify: VLAN 10 of the customer on cust goes into VLAN 100 (bridges.br0.ports.cust.vlan.tunnel: { 100: [10] }); the customer’s tag (VLAN 10) stays in the frame',
  );
  expect(told).toContain(
    'egress: other: with nothing but the customer’s tags (bridges.br0.ports.other.vlan.tunnel: 100), 64 bytes',
  );
  expect(await rig.told('cust', 'a > * vlan 11')).toContain(
    'classify: VLAN 11 is not allowed on cust (bridges.br0.ports.cust.vlan.tunnel: { 100: [10] }): dropped, vlan_not_allowed',
  );
  expect(await rig.told('other', 'b > * vlan 11')).toContain(
    'replicate: cust is left out: not this VLAN of the customer (bridges.br0.ports.cust.vlan.tunnel: { 100: [10] })',
  );
});

test('which tag is on the wire', async () => {
  const rig = await open();
  expect(await rig.told('up', 'a > * svlan 7')).toContain(
    'classify: 7 on the wire of up is VLAN 110 (bridges.br0.ports.up.vlan.trunk: [100, 110])',
  );
  expect((await rig.told('other', 'b > *')).join()).toContain('up: tagged with 0x88a8, VLAN 100');
  expect(await rig.told('up', 'c > * vlan 7')).toContain(
    'classify: The frame is untagged, and up has no native VLAN (bridges.br0.ports.up.vlan.native: none, as installed): dropped, vlan_untagged',
  );
});
