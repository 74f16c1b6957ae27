// A port as the way out of a network: the router that follows, and what is refused.

import { describe, expect, test } from 'vitest';
import { effectiveRouters } from '../../src/config/effective_routers.ts';
import type { InterfaceLease } from '../../src/config/router_leases.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';
import { withoutPorts } from '../../src/config/without_ports.ts';

const SUBNET = '10.7.0.0/24';
const PREFIX = '2001:db8:7::/64';
const memory = { type: 'memory' };

function config(network: object, more: object = {}) {
  return {
    version: 1,
    bridges: {
      lan: { ports: { eth1: memory } },
      br0: {
        local: false,
        network: { mode: 'nat', subnet: SUBNET, uplink: 'eth1', ...network },
        ports: { vm1: memory },
      },
    },
    ...more,
  };
}

type Known = ReadonlyMap<string, InterfaceLease>;
const NONE = { dhcp: new Map(), slaac: new Map() };
const routersOf = (input: object, dhcp: Known = new Map(), slaac: Known = new Map()) =>
  effectiveRouters(parseConfig(input as never), { dhcp, slaac }).routers ?? {};

test('a network with NAT has a router that hides it', () => {
  const { br0 } = routersOf(
    config({
      publish: ['tcp/8080-8081 -> web:80'],
      dhcp: { hosts: { web: { port: 'vm1', address: '10.7.0.9' } } },
    }),
  );
  expect(br0.interfaces).toMatchObject({
    guests: { bridge: 'br0', address: ['10.7.0.1/24'], reverse_path: 'strict', dhcp: false },
    uplink: { bridge: 'lan', address: [], dhcp: true },
  });
  expect(br0.nat).toEqual([
    { destination: 'tcp/8080-8081', to: '10.7.0.9:80' },
    { source: SUBNET, to: 'interface', via: 'uplink', private: true },
  ]);
});

test('one that is routed translates nothing; VLANs are those of the network and of the port', () => {
  const input = {
    version: 1,
    bridges: {
      br0: {
        vlan_filtering: true,
        local: false,
        vlans: {
          10: {
            network: {
              mode: 'routed',
              subnet: SUBNET,
              uplink: { port: 'eth1', address: '192.0.2.7/24', gateway: '192.0.2.1' },
            },
          },
        },
        ports: { vm1: { ...memory, vlan: { access: 10 } }, eth1: { ...memory, vlan: { access: 20 } } },
      },
    },
  };
  const router = routersOf(input)['br0.10'];
  expect(router).toMatchObject({
    interfaces: { guests: { vlan: 10 }, uplink: { bridge: 'br0', vlan: 20, address: ['192.0.2.7/24'] } },
    routes: [{ to: '0.0.0.0/0', via: '192.0.2.1' }],
    nat: [],
  });
});

test('IPv6: the address is fixed, or what routers of the LAN tell', () => {
  const routed = { mode: 'routed', subnet: [SUBNET, PREFIX] };
  const gateway = ['10.7.0.1/24', '2001:db8:7::1/64', 'fe80::1/64'];
  const uplink = { port: 'eth1', address: '2001:db8::7/64', gateway: 'fe80::9' };
  const { br0: fixed } = routersOf(config({ ...routed, uplink }));
  expect(fixed.interfaces).toMatchObject({
    guests: { address: gateway },
    uplink: { address: ['2001:db8::7/64'], dhcp: true, slaac: false },
  });
  expect(fixed.routes).toEqual([{ to: '::/0', via: 'fe80::9', interface: 'uplink' }]);
  const learned = { address: '2001:db8::50/64', routes: [{ to: '::/0', via: 'fe80::1' }] };
  const { br0 } = routersOf(config(routed), new Map(), new Map([['br0.uplink', learned]]));
  expect(br0.interfaces.uplink).toMatchObject({ address: ['2001:db8::50/64'], dhcp: true, slaac: true });
  expect(br0.routes).toEqual([{ to: '::/0', via: 'fe80::1', interface: 'uplink' }]);
});

test('who tells of the subnet of the guests outside does not get it', () => {
  const lease = { address: '2001:db8:7::50/64', routes: [{ to: '::/0', via: 'fe80::1' }] };
  const input = config({ mode: 'routed', subnet: [SUBNET, PREFIX] });
  const { br0 } = routersOf(input, new Map(), new Map([['br0.uplink', lease]]));
  expect(br0.interfaces.uplink.address).toEqual([]);
});

test('a lease is as if the configuration said it, but for routes that it says otherwise', () => {
  const lease = { address: '192.0.2.50/24', routes: [{ to: '0.0.0.0/0', via: '192.0.2.1' }] };
  const leases = new Map([
    ['br0.uplink', lease],
    ['r1.wan', lease],
  ]);
  const r1 = {
    interfaces: { wan: { bridge: 'lan', dhcp: true } },
    routes: [{ to: '0.0.0.0/0', via: '192.0.2.9', interface: 'wan' }],
  };
  const routers = routersOf(config({}, { routers: { r1 } }), leases);
  expect(routers.br0.interfaces.uplink.address).toEqual(['192.0.2.50/24']);
  expect(routers.br0.routes).toEqual([{ to: '0.0.0.0/0', via: '192.0.2.1', interface: 'uplink' }]);
  expect(routers.r1.routes).toHaveLength(1);
  expect(routers.r1.interfaces.wan.address).toEqual(['192.0.2.50/24']);
});

test('while the port is missing guests have their gateway, and no way out', () => {
  const { br0 } =
    effectiveRouters(withoutPorts(parseConfig(config({}) as never), new Set(['eth1'])), NONE).routers ?? {};
  expect(Object.keys(br0.interfaces)).toEqual(['guests']);
  expect(br0).toMatchObject({ routes: [], nat: [] });
});

test('without such networks and leases nothing is made', () => {
  const parsed = parseConfig({ version: 1, bridges: { br0: { ports: { vm1: { type: 'memory' } } } } });
  expect(effectiveRouters(parsed, NONE)).toBe(parsed);
});

describe('what is refused', () => {
  const problems = (input: object) =>
    validate(input).problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);

  test.each<[string, object, RegExp]>([
    [
      'no such port',
      { uplink: 'eth7' },
      /network\.uplink: there is no port eth7: the way out is host, or a port of another bridge/,
    ],
    ['a port of its own', { uplink: 'vm1' }, /vm1 is in the guests' own network/],
    ['a mode without a way out', { mode: 'isolated' }, /modes nat and routed only, not in mode isolated/],
    [
      'an address alone',
      { uplink: { port: 'eth1', address: '192.0.2.7/24' } },
      /address and gateway of one IP version go together/,
    ],
    [
      'IPv6 with NAT',
      { subnet: [SUBNET, 'fd00:1::/64'] },
      /network\.subnet: by a port IPv6 is not translated: set mode to routed/,
    ],
    [
      'prefixes for guests',
      { mode: 'routed', subnet: [SUBNET, PREFIX], dhcp6: { delegate: { from: 'fd00:200::/48' } } },
      /network\.dhcp6\.delegate: the host has the routes/,
    ],
    [
      'an address of IPv6 without a subnet',
      { uplink: { port: 'eth1', address: '2001:db8::7/64', gateway: 'fe80::1' } },
      /uplink\.address: the network has no IPv6/,
    ],
    [
      'an address of one version, a router of the other',
      { uplink: { port: 'eth1', address: '192.0.2.7/24', gateway: 'fe80::1' } },
      /address and gateway of one IP version go together/,
    ],
    ['DNS', { dns: { domain: 'lab.example' } }, /network\.dns: the host answers/],
  ])('%s', (_, network, message) => {
    expect(problems(config(network)).join('\n')).toMatch(message);
  });

  test('a router of the same name', () => {
    const input = config(
      {},
      { routers: { br0: { interfaces: { a: { bridge: 'lan', address: ['192.0.2.1/24'] } } } } },
    );
    expect(problems(input)).toEqual([expect.stringMatching(/uplink: the network would have a router br0/)]);
  });

  test('an address beside that of a DHCP server', () => {
    const r1 = { interfaces: { wan: { bridge: 'lan', dhcp: true, address: ['192.0.2.1/24'] } } };
    expect(problems(config({}, { routers: { r1 } })).join()).toMatch(/a DHCP server gives the IPv4 address/);
  });
});
