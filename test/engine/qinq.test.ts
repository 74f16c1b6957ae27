// Service tags, tunnels of customers, and translated VIDs.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/yaml.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const port = (vlan: Record<string, unknown>) => ({ vlan });

/** A provider's edge: two customers, one with two sites here, and a trunk to the rest of the provider's network. */
function edge(): Promise<Rig> {
  return openRig({
    br0: {
      vlan_filtering: true,
      vlan_protocol: '802.1ad',
      ports: {
        a: port({ tunnel: 100 }),
        b: port({ tunnel: 100 }),
        other: port({ tunnel: 200 }),
        up: port({ trunk: ['100-200'] }),
      },
    },
  });
}

test('a tunnel takes every frame, tagged or not, into one service VLAN and pops only what it has pushed', async () => {
  const rig = await edge();
  expect(rig.say('a', 'a > *')).toEqual(['b: a > *', 'up: a > * svlan 100']);
  expect(rig.say('a', 'a > * vlan 10 "x"')).toEqual([
    'b: a > * vlan 10 "x"',
    'up: a > * svlan 100 vlan 10 "x"',
  ]);
  expect(rig.say('a', 'a > * vlan 10 vlan 20')).toEqual([
    'b: a > * vlan 10 vlan 20',
    'up: a > * svlan 100 vlan 10 vlan 20',
  ]);
  expect(rig.say('a', 'a > * vlan 4095')).toEqual(['b: a > * vlan 4095', 'up: a > * svlan 100 vlan 4095']);
  expect(rig.say('up', 'c > * svlan 200 vlan 10')).toEqual(['other: c > * vlan 10']);
});

test('the service tag has the priority of the customer’s, who gets his own back', async () => {
  const rig = await edge();
  expect(rig.say('a', 'a > * vlan 10 pcp 5 dei')).toEqual([
    'b: a > * vlan 10 pcp 5 dei',
    'up: a > * svlan 100 pcp 5 dei vlan 10 pcp 5 dei',
  ]);
  expect(rig.say('a', 'a > * vlan 0 pcp 3')).toEqual([
    'b: a > * vlan 0 pcp 3',
    'up: a > * svlan 100 pcp 3 vlan 0 pcp 3',
  ]);
  expect(rig.say('up', 'c > a svlan 100 pcp 7 vlan 10')).toEqual(['a: c > a vlan 10']);
});

test('stations are learned in the service VLAN, whatever the customer’s VLAN', async () => {
  const rig = await edge();
  rig.say('a', 'a > * vlan 10');
  expect(rig.say('up', 'c > a svlan 100 vlan 11')).toEqual(['a: c > a vlan 11']);
  expect(rig.say('other', 'd > a vlan 10')).toEqual(['up: d > a svlan 200 vlan 10']);
  expect(await rig.fdb()).toEqual([
    'br0 vlan 100 02:00:00:00:00:61 a',
    'br0 vlan 100 02:00:00:00:00:63 up',
    'br0 vlan 200 02:00:00:00:00:64 other',
  ]);
});

test('a trunk of service VLANs knows no other tag', async () => {
  const rig = await edge();
  expect(rig.say('up', 'c > * vlan 100')).toEqual(['up drops: vlan_untagged']);
  expect(rig.say('up', 'c > * svlan 99')).toEqual(['up drops: vlan_not_allowed']);
  expect(rig.say('up', 'c > * svlan 4095')).toEqual(['up drops: vlan_invalid']);
});

test('a trunk may have another EtherType than its bridge', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: {
        a: port({ tunnel: 100 }),
        q: port({ trunk: [100] }),
        s: port({ trunk: [100], protocol: '802.1ad' }),
        x: port({ trunk: [100], protocol: '0x9100' }),
      },
    },
  });
  expect(rig.say('a', 'a > * vlan 10')).toEqual([
    'q: a > * vlan 100 vlan 10',
    's: a > * svlan 100 vlan 10',
    'x: a > * xvlan 100 vlan 10',
  ]);
  expect(rig.say('x', 'b > * xvlan 100 pcp 2')).toEqual([
    'a: b > *',
    'q: b > * vlan 100 pcp 2',
    's: b > * svlan 100 pcp 2',
  ]);
});

/** A customer who has bought two services, and one who takes everything that comes in one of them. */
function selective(native?: number): Promise<Rig> {
  return openRig({
    br0: {
      vlan_filtering: true,
      vlan_protocol: '802.1ad',
      ports: {
        a: port({ tunnel: { 100: ['10-20'], 200: [30] }, ...(native !== undefined && { native }) }),
        b: port({ tunnel: 100 }),
        up: port({ trunk: [100, 200] }),
      },
    },
  });
}

test('a tunnel may choose the service VLAN by the customer’s, and takes no others', async () => {
  const rig = await selective();
  expect(rig.say('a', 'a > * vlan 10')).toEqual(['b: a > * vlan 10', 'up: a > * svlan 100 vlan 10']);
  expect(rig.say('a', 'a > * vlan 30')).toEqual(['up: a > * svlan 200 vlan 30']);
  expect(rig.say('a', 'a > * vlan 21')).toEqual(['a drops: vlan_not_allowed']);
  expect(rig.say('a', 'a > *')).toEqual(['a drops: vlan_untagged']);
});

test('nor does it give out others', async () => {
  const rig = await selective();
  expect(rig.say('up', 'c > * svlan 100 vlan 20')).toEqual(['a: c > * vlan 20', 'b: c > * vlan 20']);
  expect(rig.say('up', 'c > * svlan 100 vlan 30')).toEqual(['b: c > * vlan 30']);
  expect(rig.say('up', 'c > * svlan 200 vlan 30')).toEqual(['a: c > * vlan 30']);
  expect(rig.say('up', 'c > * svlan 100')).toEqual(['b: c > *']);
  rig.say('a', 'a > * vlan 10');
  expect(rig.say('up', 'c > a svlan 100 vlan 11')).toEqual(['a: c > a vlan 11']);
  expect(rig.say('up', 'c > a svlan 100 vlan 30')).toEqual(['up drops: customer_vlan']);
});

test('untagged and priority-tagged frames have the native service VLAN', async () => {
  const rig = await selective(100);
  expect(rig.say('a', 'a > *')).toEqual(['b: a > *', 'up: a > * svlan 100']);
  expect(rig.say('up', 'c > * svlan 100 vlan 0 pcp 1')).toEqual([
    'a: c > * vlan 0 pcp 1',
    'b: c > * vlan 0 pcp 1',
  ]);
});

test('a trunk translates VIDs both ways, and a VLAN has one VID on the wire', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: {
        up: port({ trunk: [110, 20, 30], translate: { 10: 110, 20: 30, 30: 20 }, native: 1 }),
        plain: port({ trunk: [110, 20, 30] }),
        access: port({ access: 110 }),
      },
    },
  });
  expect(rig.say('up', 'a > * vlan 10 pcp 5')).toEqual(['plain: a > * vlan 110 pcp 5', 'access: a > *']);
  expect(rig.say('access', 'b > *')).toEqual(['up: b > * vlan 10', 'plain: b > * vlan 110']);
  expect(rig.say('plain', 'c > * vlan 20 dei')).toEqual(['up: c > * vlan 30 dei']);
  expect(rig.say('up', 'd > * vlan 20')).toEqual(['plain: d > * vlan 30']);
  expect(rig.say('up', 'a > * vlan 110')).toEqual(['up drops: vlan_not_allowed']);
  expect(await rig.fdb()).toContain('br0 vlan 110 02:00:00:00:00:61 up');
});

test('the example in the documentation does what the table beside it says', async () => {
  const page = readFileSync(new URL('../../docs/qinq.md', import.meta.url), 'utf8');
  const config = loadConfig(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? '', 'qinq.md');
  const ports = Object.entries(config.bridges.edge.ports).map(([name, { vlan }]) => [name, { vlan }]);
  const rig = await openRig({
    edge: { vlan_filtering: true, vlan_protocol: '802.1ad', ports: Object.fromEntries(ports) },
  });
  expect(rig.say('alice', 'a > *')).toEqual(['core: a > * svlan 100']);
  expect(rig.say('alice', 'a > * vlan 10 pcp 5')).toEqual(['core: a > * svlan 100 pcp 5 vlan 10 pcp 5']);
  expect(rig.say('bob', 'b > * vlan 30')).toEqual([
    'core: b > * svlan 200 vlan 30',
    'old: b > * xvlan 200 vlan 30',
  ]);
  expect(rig.say('bob', 'b > * vlan 40')).toEqual(['core: b > * svlan 210 vlan 40']);
  expect(rig.say('bob', 'b > * vlan 50')).toEqual(['bob drops: vlan_not_allowed']);
  expect(rig.say('bob', 'b > *')).toEqual(['core: b > * svlan 200', 'old: b > * xvlan 200']);
  expect(rig.say('old', 'c > * xvlan 10')).toEqual(['core: c > * svlan 110']);
});

test('a provider’s bridge forwards what is between its customers', async () => {
  const rig = await edge();
  const bpdu = (last: string) => `a > 01:80:c2:00:00:${last}`;
  for (const last of ['00', '0b', '0c', '0d', '0f'])
    expect(rig.say('a', bpdu(last))).toEqual([`b: ${bpdu(last)}`, `up: ${bpdu(last)} svlan 100`]);
  for (const last of ['01', '02', '03', '08', '0e'])
    expect(rig.say('a', bpdu(last))).toEqual(['a drops: reserved_group']);
});

test('changes of what tags mean come into force while the switch runs', async () => {
  const rig = await edge();
  await rig.change((config) => {
    config.bridges.br0.vlan_protocol = '802.1Q';
    config.bridges.br0.ports.a.vlan = { access: 100 };
  });
  expect(rig.say('b', 'b > * vlan 10')).toEqual(['a: b > * vlan 10', 'up: b > * vlan 100 vlan 10']);
  expect(rig.say('a', 'a > * vlan 10')).toEqual(['a drops: vlan_not_allowed']);
});
