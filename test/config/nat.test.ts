// NAT in the configuration: what is refused of it, and with what words.

import { expect, test } from 'vitest';
import { CONNECTIONS_DEFAULTS } from '../../src/config/nat_shape.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';

const interfaces = {
  lan: { bridge: 'br0', address: ['10.0.1.1/24'] },
  up: { bridge: 'br1', address: ['192.0.2.1/24'] },
  six: { bridge: 'br2', address: ['fd00::1/64'] },
};

function config(nat: unknown[], more: object = {}) {
  const bridges = Object.fromEntries(['br0', 'br1', 'br2'].map((name) => [name, { local: false }]));
  return { version: 1, bridges, routers: { r1: { interfaces, nat, ...more } } };
}

function problems(...nat: unknown[]): string[] {
  return validate(config(nat)).problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
}

test('rules that can be', () => {
  const rules = [
    { source: '10.0.1.0/24', to: 'interface' },
    { source: '10.0.1.5', to: '192.0.2.9', via: 'up', ports: '20000-40000', protocol: 'udp' },
    { source: '10.0.2.0/24', to: '192.0.2.9-192.0.2.12', mapping: 'address-and-port-dependent' },
    { source: '10.0.3.0/24', to: '192.0.2.64/28', filtering: 'endpoint-independent' },
    { destination: 'tcp/192.0.2.9:8080', to: '10.0.1.5:80' },
    { destination: 'udp/5000-5010', to: '10.0.1.5' },
    { destination: '192.0.2.10', to: '10.0.1.6' },
    { one_to_one: '10.0.1.7', to: '192.0.2.7' },
    { one_to_one: '10.0.4.0/28', to: '192.0.2.128/28', via: 'up' },
  ];
  expect(problems(...rules)).toEqual([]);
  const parsed = parseConfig(config(rules, { connections: { limit: 5000 } }));
  expect(parsed.routers?.r1.nat).toEqual(rules);
  expect(parsed.routers?.r1.connections).toEqual({ ...CONNECTIONS_DEFAULTS, limit: 5000 });
});

test.each([
  [{ to: 'interface' }, 'nat.0: expected one of source, destination and one_to_one: what the rule is about'],
  [
    { source: '10.0.1.1/24', to: 'interface' },
    'nat.0.source: "10.0.1.1/24" is not an IPv4 subnet or address behind the router, such as 10.0.1.0/24',
  ],
  [
    { source: '10.0.1.0/24', to: 'uplink' },
    'nat.0.to: "uplink" is not interface, an address, a range (192.0.2.9-192.0.2.12) or a subnet outside, of at most 65,536 addresses',
  ],
  [
    { source: '10.0.1.0/24', to: '20.0.0.0/8' },
    'nat.0.to: "20.0.0.0/8" is not interface, an address, a range (192.0.2.9-192.0.2.12) or a subnet outside, of at most 65,536 addresses',
  ],
  [{ source: '10.0.1.0/24', to: 'interface', via: 'wan' }, 'nat.0.via: this router has no interface wan'],
  [
    { source: '10.0.1.0/24', to: 'interface', via: 'six' },
    'nat.0.to: no interface by which it could leave has an IPv4 address: give one, or write addresses here',
  ],
  [
    { source: '10.0.1.0/24', to: '192.0.2.9', protocol: 'icmp', ports: '1-2' },
    'nat.0.ports: ICMP has identifiers, no ports: leave this key out',
  ],
  [
    { destination: 'tcp/80', to: 'web:80' },
    'nat.0.to: "web:80" is not the address of a guest, with or without a port: 10.0.1.5:80',
  ],
  [
    { destination: '192.0.2.9', to: '10.0.1.5:80' },
    'nat.0.to: 192.0.2.9 has no ports: leave :80 out, or name a port there, as tcp/192.0.2.9:80',
  ],
  [
    { destination: 'tcp/1-1000', to: '10.0.1.5:65000' },
    'nat.0.to: a range of 1000 ports does not fit behind port 65000',
  ],
  [
    { destination: 'tcp/80', to: '10.0.1.5', mapping: 'endpoint-independent' },
    'nat.0.mapping: a destination rule has no such choice: leave this key out',
  ],
  [
    { one_to_one: '10.0.1.0/28', to: '192.0.2.0/29' },
    'nat.0.to: 10.0.1.0/28 and 192.0.2.0/29 are not of the same size: one to one needs as many addresses on both sides',
  ],
])('%j is refused', (rule, message) => {
  expect(problems(rule)).toEqual([message]);
});

test('a rule that no packet would ever ask is refused', () => {
  const rule = { source: '10.0.1.0/24', to: 'interface' };
  expect(problems(rule, { ...rule, to: '192.0.2.9' })).toEqual([
    'nat.1: nat[0] is about 10.0.1.0/24, too: the first rule that fits decides, so leave one out',
  ]);
  expect(problems({ ...rule, via: 'up' }, { ...rule, protocol: 'tcp' }, rule)).toEqual([]);
});

test('times shorter than what RFCs ask for are refused', () => {
  const connections = {
    limit: 5,
    udp_timeout: 30,
    icmp_timeout: 1,
    tcp_timeout: 60,
    tcp_transitory_timeout: 5,
  };
  const keys = validate(config([], { connections })).problems.map(({ path }) => path[3]);
  expect(keys).toEqual(Object.keys(connections));
});
