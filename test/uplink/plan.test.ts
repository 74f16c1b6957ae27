import { expect, test } from 'vitest';
import type { HostNetwork } from '../../src/uplink/network.ts';
import { type Host, type Plan, planFor } from '../../src/uplink/plan.ts';
import { parsePrefix } from '../../src/wire/ip_prefix.ts';

const network = (name: string, mode: HostNetwork['mode'], ...subnets: string[]): HostNetwork => ({
  interface: name,
  mode,
  subnets: subnets.map((text) => parsePrefix(text) ?? expect.fail(text)),
  publish: [],
});

const BOTH = network('br0', 'nat', '10.0.0.0/24', 'fd00::/64');
const IPV4 = network('br0', 'nat', '10.0.0.0/24');

/** Of a kernel with `force_forwarding`, whose interfaces do not forward. */
const SETTINGS: Record<string, string> = Object.fromEntries(
  ['all', 'br0', 'br1', 'eth0', 'eth1'].flatMap((name) => [
    [`ipv4/conf/${name}/forwarding`, '0'],
    [`ipv6/conf/${name}/forwarding`, '0'],
    [`ipv6/conf/${name}/force_forwarding`, '0'],
    [`ipv6/conf/${name}/accept_ra`, '1'],
  ]),
);

interface Facts {
  ipv4?: string[];
  ipv6?: string[];
  advertised?: string[];
  settings?: Record<string, string | undefined>;
  ours?: string[];
}

function plan(networks: HostNetwork[], facts: Facts = {}): Plan {
  const { ipv4 = ['eth0'], ipv6 = ['eth0'], advertised = [], settings = {}, ours = [] } = facts;
  const host: Host = {
    ways: [
      { family: 4, interfaces: ipv4, advertised: [] },
      { family: 6, interfaces: ipv6, advertised },
    ],
    read: (name) => ({ ...SETTINGS, ...settings })[name],
    isOurs: (name) => ours.includes(name),
  };
  return planFor(networks, host);
}

const namesOf = ({ settings }: Plan) => settings.map(({ name }) => name);

test('a network and its uplink forward, each family by its own default route', () => {
  const { uplinks, settings, problems } = plan([BOTH], { ipv6: ['eth1'] });
  expect(problems).toEqual([]);
  expect(uplinks).toEqual([
    { name: 'eth0', family: 4, isNew: true },
    { name: 'eth1', family: 6, isNew: true },
  ]);
  expect(settings).toEqual([
    { name: 'ipv4/conf/br0/forwarding', isShared: false },
    { name: 'ipv4/conf/eth0/forwarding', isShared: true },
    { name: 'ipv6/conf/br0/forwarding', isShared: false },
    { name: 'ipv6/conf/br0/force_forwarding', isShared: false },
    { name: 'ipv6/conf/eth1/force_forwarding', isShared: true },
  ]);
});

test('networks that stay inside ask for nothing', () => {
  const inside = (['isolated', 'host-only'] as const).map((mode) => network('br0', mode, '10.0.0.0/24'));
  expect(plan(inside)).toEqual({ uplinks: [], settings: [], problems: [] });
});

test('an uplink is new if it forwards because of us, and not if all forward', () => {
  const setting = 'ipv4/conf/eth0/forwarding';
  const isNew = (facts: Facts) => plan([IPV4], facts).uplinks[0].isNew;
  expect(isNew({})).toBe(true);
  expect(isNew({ settings: { [setting]: '1' } })).toBe(false);
  expect(isNew({ settings: { [setting]: '1' }, ours: [setting] })).toBe(true);
  expect(isNew({ settings: { [setting]: '1', 'ipv4/conf/all/forwarding': '1' }, ours: [setting] })).toBe(
    false,
  );
});

test('a network is not its own uplink', () => {
  const { uplinks, problems } = plan([IPV4], { ipv4: ['br0'] });
  expect(uplinks).toEqual([]);
  expect(problems).toEqual([
    'IPv4 of br0 ends at this host, which has no default route of IPv4: give it one, or take mode host-only',
  ]);
});

test('an interface that is not there is told', () => {
  const { problems } = plan([network('br9', 'routed', '10.0.0.0/24')]);
  expect(problems).toEqual(['IPv4 of br9 is not forwarded: there is no such interface that has IPv4']);
});

test('IPv6 is refused where the kernel would forget its default route, with the setting that keeps it', () => {
  const { settings, problems } = plan([BOTH], {
    advertised: ['eth0', 'eth0.7'],
    settings: { 'ipv6/conf/eth0.7/accept_ra': '1' },
  });
  expect(settings.map(({ name }) => name)).toEqual(['ipv4/conf/br0/forwarding', 'ipv4/conf/eth0/forwarding']);
  expect(problems).toEqual([
    'IPv6 of br0 is not forwarded: the default route by eth0, eth0.7 is from router advertisements, and the kernel ' +
      'forgets it when it begins to forward. Keep it with: sysctl -w net.ipv6.conf.eth0.accept_ra=2; ' +
      'sysctl -w net.ipv6.conf.eth0/7.accept_ra=2',
  ]);
});

test.each([
  ['it is kept', { 'ipv6/conf/eth0/accept_ra': '2' }],
  ['a program heard the advertisement, not the kernel', { 'ipv6/conf/eth0/accept_ra': '0' }],
  ['the network forwards already', { 'ipv6/conf/br0/forwarding': '1' }],
])('IPv6 is not refused when %s', (_, settings) => {
  const { uplinks, problems } = plan([BOTH], { advertised: ['eth0'], settings });
  expect(problems).toEqual([]);
  expect(uplinks).toHaveLength(2);
});

test('a kernel that forwards IPv6 by all interfaces or none must be told to by its administrator', () => {
  const old = { 'ipv6/conf/br0/force_forwarding': undefined, 'ipv6/conf/eth0/force_forwarding': undefined };
  const refused = plan([BOTH], { settings: old });
  expect(refused.problems).toEqual([
    expect.stringMatching(/^IPv6 of br0 is not forwarded: before Linux 6\.17 .*all\.forwarding=1$/),
  ]);
  expect(namesOf(refused).some((name) => name.startsWith('ipv6'))).toBe(false);
  const told = plan([BOTH], { settings: { ...old, 'ipv6/conf/all/forwarding': '1' } });
  expect(told.problems).toEqual([]);
  expect(told.uplinks).toContainEqual({ name: 'eth0', family: 6, isNew: false });
});
