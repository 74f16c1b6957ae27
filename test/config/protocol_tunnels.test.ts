import { expect, test } from 'vitest';
import { lldpMode } from '../../src/config/lldp_mode.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';

type Keys = Record<string, unknown>;

const CUSTOMER = { type: 'memory', vlan: { tunnel: 100 } };

/** What is wrong with port c, by path from there, and with its bridge. */
function problems(port: Keys, bridge: Keys = {}): string[] {
  const ports = { c: { ...CUSTOMER, ...port } };
  const { problems } = validate({ version: 1, bridges: { br0: { vlan_filtering: true, ...bridge, ports } } });
  return problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
}

test('protocols have names, and each is listed once', () => {
  expect(problems({ tunnel_protocols: ['stp', 'lldp', 'lacp', 'cdp', 'vtp'] })).toEqual([]);
  expect(problems({ tunnel_protocols: ['ospf'] })).toEqual([
    'ports.c.tunnel_protocols.0: "ospf" is not stp, pvst, lacp, eapol, lldp, cdp, vtp, pagp, udld or dtp',
  ]);
  expect(problems({ tunnel_protocols: ['stp', 'stp'] })).toEqual([
    'ports.c.tunnel_protocols.1: stp is listed twice',
  ]);
  expect(problems({ tunnel_protocols: 'stp' })[0]).toMatch(/"stp" is not a list of stp, pvst/);
});

test('only a customer’s port carries them', () => {
  const stp = { tunnel_protocols: ['stp'] };
  for (const vlan of [{ access: 100 }, { trunk: [100] }, undefined])
    expect(problems({ ...stp, vlan })).toEqual([
      "ports.c.tunnel_protocols: only a customer's port carries his protocols: give its vlan a tunnel, as tunnel: 100",
    ]);
  expect(problems({ ...stp, vlan: { tunnel: { 100: [10] } } })).toEqual([
    'ports.c.tunnel_protocols: control frames are untagged, and the tunnel takes none: set native in its vlan',
  ]);
  expect(problems({ ...stp, vlan: { tunnel: { 100: [10] }, native: 100 } })).toEqual([]);
  expect(problems({ ...stp, type: 'vxlan', vni: 1, local: '192.0.2.1', remotes: ['192.0.2.2'] })).toEqual([
    'ports.c.tunnel_protocols: a VXLAN port leads to other switches, not to a customer: list them at his port',
  ]);
});

test('the switch does not speak a protocol where it carries a customer’s', () => {
  const filter = { stp: { guard: 'filter' } };
  const tree =
    'ports.c.tunnel_protocols.0: the spanning tree of the bridge takes BPDUs here: set stp: { guard: filter } on the port, or vlan_protocol: 802.1ad on the bridge';
  expect(problems({ tunnel_protocols: ['stp'] }, { stp: true })).toEqual([tree]);
  expect(problems({ tunnel_protocols: ['stp'], ...filter }, { stp: true })).toEqual([]);
  expect(problems({ tunnel_protocols: ['lldp'] }, { stp: true })).toEqual([]);
  expect(problems({ tunnel_protocols: ['stp'] }, { stp: true, vlan_protocol: '802.1ad' })).toEqual([]);
  expect(problems({ tunnel_protocols: ['lldp'], lldp: true })).toEqual([
    'ports.c.tunnel_protocols.0: the switch itself speaks LLDP here: set lldp to false',
  ]);
  const bond = { type: 'aggregate', members: { m: { type: 'memory', lldp: true } } };
  expect(problems({ tunnel_protocols: ['lacp', 'lldp'], ...bond })).toEqual([
    'ports.c.tunnel_protocols.0: the aggregate itself speaks LACP: set its lacp to off',
    'ports.c.tunnel_protocols.1: the switch itself speaks LLDP here: set lldp to false',
  ]);
});

test('LLDP that only listens gives way', () => {
  const port = { type: 'af_packet', vlan: { tunnel: 100 } } as const;
  const mode = (tunnel_protocols: ('lldp' | 'stp')[]) => {
    const ports = { c: { ...port, tunnel_protocols } };
    const { br0 } = parseConfig({ version: 1, bridges: { br0: { vlan_filtering: true, ports } } }).bridges;
    return lldpMode(br0.ports.c, br0);
  };
  expect(mode(['stp'])).toBe('receive');
  expect(mode(['lldp'])).toBe('off');
});

test('limits and actions are of protocols that are carried', () => {
  const stp = { tunnel_protocols: ['stp'] };
  expect(problems({ ...stp, tunnel_protocols_limit: 10, tunnel_protocols_action: 'shutdown' })).toEqual([]);
  expect(problems({ tunnel_protocols_limit: 10, tunnel_protocols_action: 'drop' })).toEqual([
    'ports.c.tunnel_protocols_limit: no protocols are carried here: list tunnel_protocols',
    'ports.c.tunnel_protocols_action: no protocols are carried here: list tunnel_protocols',
  ]);
  expect(problems({ ...stp, tunnel_protocols_limit: 0 })).toEqual([
    'ports.c.tunnel_protocols_limit: 0 is not a number of frames a second (1-10000)',
  ]);
});

test.each([
  '02:00:00:00:00:01',
  'ff:ff:ff:ff:ff:ff',
  '01:80:c2:00:00:0e',
  '01:80:c2:00:00:21',
  '01:00:5e:00:00:01',
  '33:33:00:00:00:01',
  '01:00:0c:cc:cc:cc',
])('%s is no address for tunnels', (mac) => {
  expect(problems({}, { tunnel_mac: mac })).toEqual([
    `tunnel_mac: "${mac}" is not a group address that no protocol has, such as 01:00:0c:cd:cd:d0`,
  ]);
});

test('any other group address is', () => {
  expect(problems({}, { tunnel_mac: '01-00-0C-CD-CD-D0' })).toEqual([]);
  expect(problems({}, { tunnel_mac: '03:00:00:00:00:01' })).toEqual([]);
});
