import { expect, test } from 'vitest';
import { formatConfig } from '../../src/config/format_config.ts';
import { portVlans, privateVlans } from '../../src/config/private_vlans.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const GROUP = { private: { isolated: 101, communities: [102] } };

function problemsOf(bridge: object): string[] {
  const { problems } = validate({ version: 1, bridges: { br0: { vlan_filtering: true, ...bridge } } });
  return problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
}

test('what a port carries follows from its only VLAN; one of several is a trunk', () => {
  const { br0 } = parseConfig({
    version: 1,
    bridges: { br0: { vlan_filtering: true, vlans: { 100: GROUP } } },
  }).bridges;
  const vlans = privateVlans(br0);
  const untagged = [{ from: 100, to: 102 }];
  expect(portVlans(vlans, { access: 100 })).toEqual({
    pvid: 100,
    tagged: [],
    untagged,
    outOnly: [101, 102],
    inOnly: [],
  });
  expect(portVlans(vlans, { access: 101 })).toMatchObject({ pvid: 101, outOnly: [100], inOnly: [101] });
  expect(portVlans(vlans, { trunk: [], native: 102 })).toMatchObject({
    pvid: 102,
    untagged: [
      { from: 100, to: 100 },
      { from: 102, to: 102 },
    ],
    outOnly: [100],
    inOnly: [],
  });
  for (const vlan of [{ access: 7 }, { trunk: ['100-102'] }, { trunk: [100], native: 101 }])
    expect(portVlans(vlans, vlan)).toMatchObject({ outOnly: [], inOnly: [] });
});

test('a promiscuous trunk carries primary VLANs for their secondary ones, which it does not list', () => {
  const trunk = (vlan: object, vlans: object = { 100: GROUP }) =>
    problemsOf({ vlans, ports: { r: { type: 'tap', vlan: { promiscuous: true, ...vlan } } } });
  expect(trunk({ trunk: [100] })).toEqual([]);
  expect(trunk({ trunk: [7] })).toEqual([
    'ports.r.vlan.promiscuous: carries no primary VLAN: name one in the trunk, and its secondary ones in `vlans`',
  ]);
  expect(trunk({ trunk: [100] }, {})).toHaveLength(1);
  expect(trunk({ trunk: ['100-102'] })).toEqual([
    'ports.r.vlan.trunk: VLAN 101 leaves as VLAN 100 through a promiscuous trunk: take it from the list',
  ]);
  expect(trunk({ access: 100 })).toEqual(['ports.r.vlan.promiscuous: only a trunk has this key']);
});

test.each([
  [{ 5000: {} }, 'vlans.5000: "5000" is not a VLAN id (1-4094)'],
  [{ 100: { private: {} } }, 'vlans.100.private: expected isolated: VLAN, communities: [VLAN, ...], or both'],
  [
    { 100: { private: { isolated: 101, communities: [102, 101] } } },
    'vlans.100.private.communities.1: VLAN 101 belongs to the primary VLAN 100 already',
  ],
  [
    { 100: GROUP, 200: { private: { isolated: 102 } } },
    'vlans.200.private.isolated: VLAN 102 belongs to the primary VLAN 100 already',
  ],
  [
    { 100: { private: { isolated: 100 } } },
    'vlans.100.private.isolated: VLAN 100 is the primary VLAN itself',
  ],
  [
    { 100: GROUP, 102: { learning: false } },
    'vlans.100.private.communities.0: VLAN 102 has settings of its own (vlans.102): a secondary VLAN shares those of its primary',
  ],
  [
    { 100: { private: { isolated: [101, 104] } } },
    'vlans.100.private.isolated: a list is not a VLAN id (1-4094)',
  ],
])('%j is refused with a sentence', (vlans, problem) => {
  expect(problemsOf({ vlans })).toEqual([problem]);
});

test('a trunk or an entry that a private VLAN makes useless is refused', () => {
  const ports = { t: { type: 'tap', vlan: { trunk: [101, 200] } } };
  expect(problemsOf({ vlans: { 100: GROUP }, ports })).toEqual([
    'ports.t.vlan.trunk: carries VLAN 101 without its primary VLAN 100, in which the answers come: add that',
  ]);
  const entry = { port: 'i', vlan: 101 };
  const shared = 'VLAN 101 is a private one and shares the entries of its primary VLAN: say 100';
  const more = { vlans: { 100: GROUP }, ports: { i: { type: 'tap', vlan: { access: 101 } } } };
  expect(problemsOf({ ...more, static: [{ ...entry, mac: '02:00:00:00:00:01' }] })).toEqual([
    `static.0.vlan: ${shared}`,
  ]);
  expect(problemsOf({ ...more, multicast: { static: [{ ...entry, group: '239.1.1.1' }] } })).toEqual([
    `multicast.static.0.vlan: ${shared}`,
  ]);
  const right = { port: 'i', vlan: 100 };
  expect(problemsOf({ ...more, static: [{ ...right, mac: '02:00:00:00:00:01' }] })).toEqual([]);
  expect(problemsOf({ ...more, multicast: { static: [{ ...right, group: '239.1.1.1' }] } })).toEqual([]);
});

test('a bridge that does not filter VLANs has no settings of them', () => {
  expect(problemsOf({ vlan_filtering: false, vlans: { 100: {} } })).toEqual([
    'vlans: bridge br0 does not filter VLANs: set its vlan_filtering to true, or remove this key',
  ]);
});

test('an export says of VLANs what differs from the defaults', () => {
  const text = `version: 1
bridges:
  br0:
    vlan_filtering: true
    vlans: { 100: { private: { isolated: 101 } }, 200: { learning: false } }
`;
  expect(formatConfig(loadConfig(text, 'a.yaml'))).toBe(text);
});
