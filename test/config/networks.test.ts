// The network of a bridge: what is refused, and what follows from the rest.

import { describe, expect, test } from 'vitest';
import { networksOf } from '../../src/config/networks.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';
import { formatAddress } from '../../src/config/subnet.ts';
import { formatIp } from '../../src/wire/ip_address.ts';

const SUBNET = '192.168.122.0/24';

function bridge(network: object, more: object = {}) {
  const local = 'mode' in network && network.mode === 'isolated' ? { local: false } : {};
  return { version: 1, bridges: { br0: { ...local, network, ports: { vm1: { type: 'memory' } }, ...more } } };
}

const relayed = (subnets: object) => ({
  mode: 'nat',
  subnet: SUBNET,
  dhcp: { relay: { ports: ['vm1'], subnets } },
});

function problemsOf(input: unknown): string[] {
  return validate(input).problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
}

describe('what is left open', () => {
  const network = (config: object) => {
    const { bridges } = parseConfig(bridge(config));
    return networksOf('br0', bridges.br0)[0];
  };

  test('the gateway is the first host, and all others may be given', () => {
    const made = network({ mode: 'nat', subnet: SUBNET });
    expect(formatAddress(made?.gateway as number)).toBe('192.168.122.1');
    expect(formatAddress(made?.range.first as number)).toBe('192.168.122.1');
    expect(formatAddress(made?.range.last as number)).toBe('192.168.122.254');
    expect(made?.dhcp?.lease_time).toBe(3600);
  });

  test('nobody gives addresses where dhcp is off', () => {
    expect(network({ mode: 'host-only', subnet: SUBNET, dhcp: false })?.dhcp).toBeUndefined();
  });

  test('the LAN gives them in a bridged network', () => {
    expect(network({ mode: 'bridged' })).toBeUndefined();
  });

  test.each([
    [{ mode: 'nat' }, { domain: 'br0.internal', forward: 'host' }],
    [
      { mode: 'routed', dns: true },
      { domain: 'br0.internal', forward: 'host' },
    ],
    [{ mode: 'host-only' }, { domain: 'br0.internal', forward: 'nobody' }],
    [
      { mode: 'host-only', dns: { forward: true } },
      { domain: 'br0.internal', forward: 'host' },
    ],
    [
      { mode: 'nat', dns: { forward: false } },
      { domain: 'br0.internal', forward: 'nobody' },
    ],
    [
      { mode: 'nat', dns: { forward: ['9.9.9.9'] } },
      { domain: 'br0.internal', forward: ['9.9.9.9'] },
    ],
    [
      { mode: 'nat', dhcp: { domain: 'a.example' } },
      { domain: 'a.example', forward: 'host' },
    ],
    [
      { mode: 'nat', dhcp: { domain: 'a.example' }, dns: { domain: 'b.example' } },
      { domain: 'b.example', forward: 'host' },
    ],
    [{ mode: 'nat', dns: false }, undefined],
    [{ mode: 'isolated' }, undefined],
  ])('guests of %j have DNS %j', (config, dns) => {
    expect(network({ subnet: SUBNET, ...config })?.dns).toEqual(dns);
  });

  test('a domain has the name of the bridge, in letters that a domain has', () => {
    const domain = (name: string) =>
      networksOf(name, parseConfig(bridge({ mode: 'nat', subnet: SUBNET })).bridges.br0)[0].dns?.domain;
    expect(['Lab_7', 'br0.10', '_'].map(domain)).toEqual([
      'lab-7.internal',
      'br0-10.internal',
      'bridge.internal',
    ]);
  });

  test('hosts with an address are known by name', () => {
    const hosts = { web: { mac: '02:00:00:00:00:01', address: '192.168.122.5' }, db: { port: 'vm1' } };
    expect([...(network({ mode: 'nat', subnet: SUBNET, dhcp: { hosts } })?.hosts ?? [])]).toEqual([
      ['web', 0xc0a8_7a05],
    ]);
  });
});

test.each([
  [
    { mode: 'host_only', subnet: SUBNET },
    'network.mode: "host_only" is not isolated, host-only, nat, routed, bridged',
  ],
  [{ mode: 'nat' }, 'network.subnet: missing: mode nat needs one'],
  [
    { mode: 'nat', subnet: '192.168.122.1/24' },
    'network.subnet: "192.168.122.1/24" is not a subnet, with no bit behind it: of IPv4 with 8 to 29 bits, such as 192.168.122.0/24, or of IPv6 with 64, such as fd00:122::/64',
  ],
  [
    { mode: 'nat', subnet: '10.0.0.0/30' },
    'network.subnet: "10.0.0.0/30" is not a subnet, with no bit behind it: of IPv4 with 8 to 29 bits, such as 192.168.122.0/24, or of IPv6 with 64, such as fd00:122::/64',
  ],
  [
    { mode: 'nat', subnet: SUBNET, gateway: '10.0.0.1' },
    `network.gateway: 10.0.0.1 is not a host's address in ${SUBNET}`,
  ],
  [
    { mode: 'nat', subnet: SUBNET, gateway: '192.168.122.255' },
    `network.gateway: 192.168.122.255 is not a host's address in ${SUBNET}`,
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { range: '192.168.122.9-192.168.122.8' } },
    'network.dhcp.range: "192.168.122.9-192.168.122.8" is not a range of addresses, such as 192.168.122.100-192.168.122.199',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { range: '192.168.121.9-192.168.122.8' } },
    `network.dhcp.range: 192.168.121.9-192.168.122.8 leaves ${SUBNET}`,
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { hosts: { web: { address: '192.168.122.5' } } } },
    'network.dhcp.hosts.web: expected one of mac, client_id and port: by what the host is known',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { hosts: { web: { port: 'vm2' } } } },
    'network.dhcp.hosts.web.port: bridge br0 has no port vm2',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { hosts: { web: { port: 'vm1', address: '192.168.122.1' } } } },
    'network.dhcp.hosts.web.address: 192.168.122.1 belongs to the gateway',
  ],
  [
    {
      mode: 'nat',
      subnet: SUBNET,
      dhcp: {
        hosts: {
          a: { port: 'vm1', address: '192.168.122.7' },
          b: { mac: '02:00:00:00:00:01', address: '192.168.122.7' },
        },
      },
    },
    'network.dhcp.hosts.b.address: 192.168.122.7 belongs to host a',
  ],
  [
    { mode: 'host-only', subnet: SUBNET, publish: ['tcp/80 -> 192.168.122.9:80'] },
    'network.publish: only a network in mode nat hides its hosts; in mode host-only there is nothing to publish',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { hosts: { web: { port: 'vm1' }, db: { port: 'vm1' } } } },
    'network.dhcp.hosts.db.port: host web is known by port vm1 already',
  ],
  ...['127.0.0.0/8', '224.0.0.0/24', '192.168.122.5/24'].map(
    (subnet) =>
      [
        { mode: 'nat', subnet },
        `network.subnet: "${subnet}" is not a subnet, with no bit behind it: of IPv4 with 8 to 29 bits, such as ${SUBNET}, or of IPv6 with 64, such as fd00:122::/64`,
      ] as [object, string],
  ),
  [
    { mode: 'nat', subnet: SUBNET, publish: ['tcp/80'] },
    'network.publish.0: "tcp/80" is not a published port, such as tcp/8080 -> web:80',
  ],
  [
    { mode: 'nat', subnet: SUBNET, publish: ['tcp/80 -> web:80'] },
    'network.publish.0: web is neither an address nor a host of dhcp.hosts with one',
  ],
  [
    { mode: 'nat', subnet: SUBNET, publish: ['tcp/80 -> 10.0.0.1:80'] },
    `network.publish.0: 10.0.0.1 is not a host's address in ${SUBNET}`,
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { options: { 66: '0xabc' } } },
    'network.dhcp.options.66: "0xabc" is not a text, 0x and hexadecimal bytes, or a list of IPv4 addresses',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { boot: { bios: { server: '192.168.122.9' } } } },
    'network.dhcp.boot.bios: expected file, http or both: what is loaded',
  ],
  [
    {
      mode: 'nat',
      subnet: SUBNET,
      dhcp: { boot: { bios: { http: 'http://a/b', server: '192.168.122.9' } } },
    },
    'network.dhcp.boot.bios: server is where file is: http has its server in it',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { boot: { 'efi-x86_64': { http: 'grub.efi' } } } },
    'network.dhcp.boot.efi-x86_64.http: "grub.efi" is not a URL that begins with http:// or https://, at most 127 letters',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { boot: { arm64: { file: 'grub.efi' } } } },
    'network.dhcp.boot.arm64: unknown key, the keys here are bios, efi-x86, efi-x86_64, efi-arm64, efi-riscv64, ipxe',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { relay: { ports: [] } } },
    'network.dhcp.relay.ports: expected at least one port: relay agents are heard there alone',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dhcp: { relay: { ports: ['up'] } } },
    'network.dhcp.relay.ports.0: this bridge has no port up',
  ],
  [
    relayed({ '192.168.0.0/16': {} }),
    `network.dhcp.relay.subnets.192.168.0.0/16: overlaps with ${SUBNET}: whose address would it be?`,
  ],
  [
    relayed({ '10.9.0.0/24': { gateway: '10.9.1.1' } }),
    "network.dhcp.relay.subnets.10.9.0.0/24.gateway: 10.9.1.1 is not a host's address in 10.9.0.0/24",
  ],
  [
    relayed({ '10.9.0.0/24': { range: '10.9.0.9-10.9.1.9' } }),
    'network.dhcp.relay.subnets.10.9.0.0/24.range: 10.9.0.9-10.9.1.9 leaves 10.9.0.0/24',
  ],
  [
    relayed({ '10.9.0.0/33': {} }),
    'network.dhcp.relay.subnets.10.9.0.0/33: "10.9.0.0/33" is not an IPv4 subnet of 8 to 29 bits, with no bit behind them, such as 192.168.122.0/24',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dns: { domain: 'lab_1' } },
    'network.dns.domain: "lab_1" is not a domain, such as lab.example',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dns: { forward: ['dns.example'] } },
    'network.dns.forward.0: "dns.example" is not the address of a resolver, such as 9.9.9.9',
  ],
  [
    { mode: 'nat', subnet: SUBNET, dns: { forward: ['192.168.122.1'] } },
    'network.dns.forward.0: 192.168.122.1 is the gateway itself: it cannot ask itself',
  ],
  [
    { mode: 'isolated', subnet: SUBNET, dns: true },
    'network.dns: the host answers, and is not in a network in mode isolated: take host-only',
  ],
  [{ mode: 'bridged', dns: {} }, 'network.dns: in a bridged network the LAN has a DNS server'],
  [
    { mode: 'bridged', subnet: SUBNET },
    'network.subnet: a bridged network has the addresses of the LAN behind its uplink',
  ],
])('%j is refused', (network, problem) => {
  expect(problemsOf(bridge(network))).toEqual([problem]);
});

test('the host is in a network by the interface of the bridge', () => {
  expect(problemsOf(bridge({ mode: 'nat', subnet: SUBNET }, { local: false }))).toEqual([
    "network.mode: nat has the host in it, by the bridge's own interface: set local to {}, or mode to isolated",
  ]);
  expect(problemsOf(bridge({ mode: 'isolated', subnet: SUBNET }))).toEqual([]);
  expect(problemsOf(bridge({ mode: 'isolated', subnet: SUBNET }, { local: {} }))).toEqual([
    'network.mode: an isolated network has no host in it: set local of br0 to false, or mode to host-only',
  ]);
  expect(problemsOf(bridge({ mode: 'nat', subnet: SUBNET }, { local: { netns: 'vm' } }))).toEqual([
    'network.mode: the way out is in the network namespace of taploomd, and br0 is in vm',
  ]);
});

test('a port of the host leads to one guest', () => {
  const nat = (third: number, publish: string) => ({
    network: { mode: 'nat', subnet: `10.0.${third}.0/24`, publish: [`${publish} -> 10.0.${third}.9:80`] },
  });
  const both = (other: string) =>
    problemsOf({ version: 1, bridges: { br0: nat(0, 'tcp/8000-8010'), br1: nat(1, other) } });
  expect(both('tcp/8010')).toEqual(['network.publish.0: bridge br0 publishes tcp/8010 already']);
  expect(both('udp/8010')).toEqual([]);
});

test('the DNS server is where taploomd is', () => {
  const local = { netns: 'lab' };
  const network = { mode: 'host-only', subnet: SUBNET };
  expect(problemsOf(bridge({ ...network, dns: true }, { local }))).toEqual([
    'network.dns: the DNS server is in the network namespace of taploomd, and br0 is in lab',
  ]);
  expect(problemsOf(bridge(network, { local }))).toEqual([]);
});

test('two networks of the host do not overlap', () => {
  const two = (mode: string) => ({
    version: 1,
    bridges: {
      br0: { network: { mode: 'nat', subnet: '10.0.0.0/16' } },
      br1: { local: mode === 'isolated' ? false : {}, network: { mode, subnet: '10.0.7.0/24' } },
    },
  });
  expect(problemsOf(two('host-only'))).toEqual([
    'network.subnet: the host would not know where to send: bridge br0 has 10.0.0.0/16',
  ]);
  expect(problemsOf(two('isolated'))).toEqual([]);
});

describe('IPv6', () => {
  const SUBNETS = [SUBNET, 'fd00:122::/64'];

  test('is there with a prefix, whose first address is the gateway', () => {
    const config = bridge({ mode: 'nat', subnet: SUBNETS });
    const [{ ipv6 }] = networksOf('br0', parseConfig(config).bridges.br0);
    expect(formatIp(ipv6?.gateway as Uint8Array)).toBe('fd00:122::1');
    expect(ipv6).toMatchObject({ advertises: true, dhcp: { lease_time: 3600 } });
    const other = bridge({ mode: 'nat', subnet: SUBNETS, gateway: ['fd00:122::7'], dhcp6: false, ra: false });
    const [{ ipv6: changed, gateway }] = networksOf('br0', parseConfig(other).bridges.br0);
    expect(formatIp(changed?.gateway as Uint8Array)).toBe('fd00:122::7');
    expect(changed).toMatchObject({ advertises: false, dhcp: undefined });
    expect(formatAddress(gateway)).toBe('192.168.122.1');
  });

  test.each([
    [
      { subnet: 'fd00:122::/64' },
      'network.subnet: IPv6 goes beside IPv4: add such a subnet, as in [10.0.0.0/24, fd00:1::/64]',
    ],
    [
      { subnet: [SUBNET, '10.0.0.0/24'] },
      'network.subnet.1: a network has one subnet of IPv4, and perhaps one of IPv6',
    ],
    [
      { subnet: SUBNETS, gateway: ['fd00:122::7', 'fd00:122::8'] },
      'network.gateway.1: a network has one gateway of each IP version',
    ],
    [
      { subnet: SUBNETS, gateway: 'fd00:123::1' },
      'network.gateway: the IPv6 gateway is not in fd00:122::/64',
    ],
    [
      { subnet: SUBNETS, dhcp6: { range: 'fd00:123::1-fd00:123::9' } },
      'network.dhcp6.range: fd00:123::1-fd00:123::9 leaves fd00:122::/64',
    ],
    [
      { subnet: SUBNETS, dhcp6: { range: 'fd00:122::1-fd00:122::9' }, ra: false },
      'network.ra: guests ask for addresses by DHCPv6 because a router advertisement says so: remove ra, or dhcp6.range',
    ],
    [
      { subnet: SUBNETS, dhcp6: { hosts: { web: { port: 'vm1', address: 'fd00:122::9' } } }, ra: false },
      'network.ra: guests ask for addresses by DHCPv6 because a router advertisement says so: remove ra, or dhcp6.hosts',
    ],
    [
      { subnet: SUBNETS, dhcp6: { hosts: { web: { address: 'fd00:122::9' } } } },
      'network.dhcp6.hosts.web: expected one of mac, duid and port: by what the host is known',
    ],
    [
      { subnet: SUBNETS, dhcp6: { hosts: { web: { mac: '02:00:00:00:00:01', address: 'fd00:123::9' } } } },
      'network.dhcp6.hosts.web.address: fd00:123::9 is not in fd00:122::/64',
    ],
    [
      { subnet: SUBNETS, dhcp6: { hosts: { web: { duid: '00:01', address: 'fd00:122::9' } } } },
      'network.dhcp6.hosts.web.duid: "00:01" is not a DUID: hexadecimal bytes, such as 00:03:00:01:02:00:00:00:00:01',
    ],
    [
      { subnet: SUBNETS, dhcp6: { hosts: { web: { port: 'vm9', address: 'fd00:122::9' } } } },
      'network.dhcp6.hosts.web.port: this bridge has no port vm9',
    ],
    [
      { subnet: SUBNETS, dhcp6: { hosts: { web: { mac: '02:00:00:00:00:01', address: 'fd00:122::1' } } } },
      'network.dhcp6.hosts.web.address: fd00:122::1 is of the gateway already',
    ],
    [
      {
        subnet: SUBNETS,
        dhcp6: {
          hosts: {
            a: { duid: '00:03:AA', address: 'fd00:122::8' },
            b: { duid: '00:03:aa', address: 'fd00:122::9' },
          },
        },
      },
      'network.dhcp6.hosts.b.duid: 00:03:aa is of host a already',
    ],
    [
      { subnet: SUBNETS, dhcp6: { relay: { ports: ['vm9'] } } },
      'network.dhcp6.relay.ports.0: this bridge has no port vm9',
    ],
    [
      { subnet: SUBNETS, dhcp6: { relay: { ports: ['vm1'], subnets: { 'fd00::/16': {} } } } },
      'network.dhcp6.relay.subnets.fd00::/16: overlaps with fd00:122::/64: whose address would it be?',
    ],
    [
      {
        subnet: SUBNETS,
        dhcp6: { relay: { ports: ['vm1'], subnets: { 'fd00:9::/64': { range: 'fd00:8::1-fd00:8::9' } } } },
      },
      'network.dhcp6.relay.subnets.fd00:9::/64.range: fd00:8::1-fd00:8::9 leaves fd00:9::/64',
    ],
    [
      { subnet: SUBNET, dhcp6: { lease_time: 60 } },
      'network.dhcp6: the network has no IPv6: add such a subnet, as in subnet: [10.0.0.0/24, fd00:1::/64]',
    ],
    [
      { subnet: SUBNETS, dhcp6: { delegate: { from: 'fd00:200::/40', length: 60 } } },
      'network.dhcp6.delegate.length: from fd00:200::/40 prefixes of 40 to 56 bits can be given',
    ],
    [
      { subnet: SUBNETS, dhcp6: { delegate: { from: 'fd00:122::/56' } } },
      "network.dhcp6.delegate.from: fd00:122::/56 has fd00:122::/64 in it, which is the network's own",
    ],
    [
      { mode: 'bridged', subnet: undefined, dhcp6: { lease_time: 60 } },
      'network.dhcp6: in a bridged network the LAN gives addresses',
    ],
  ])('%j is refused', (config, problem) => {
    expect(problemsOf(bridge({ mode: 'nat', ...config }))).toEqual([problem]);
  });

  test('a prefix is written as one', () => {
    for (const subnet of [
      'fd00:122::1/64',
      'fd00:122::/63',
      'fd00:122::/128',
      'fe80::/64',
      '::/64',
      'ff02::/64',
    ])
      expect(problemsOf(bridge({ mode: 'nat', subnet: [SUBNET, subnet] }))).toHaveLength(1);
  });
});

describe('networks of VLANs', () => {
  const filtering = (network: object, more: object = {}) => ({
    version: 1,
    bridges: { br0: { vlan_filtering: true, vlans: { 10: { network } }, ports: {}, ...more } },
  });
  const gateway = { type: 'tap', vlan: { access: 10 } };
  const first = (input: object) => networksOf('br0', parseConfig(input).bridges.br0)[0];

  test('the host is there by a port of the name of the network, or by an interface that is in no other VLAN', () => {
    const config = { mode: 'host-only', subnet: SUBNET };
    expect(first(filtering(config, { ports: { 'br0.10': gateway } }))).toMatchObject({
      name: 'br0.10',
      bridge: 'br0',
      vlan: 10,
      interface: { name: 'br0.10' },
      dns: { domain: 'br0-10.internal' },
    });
    expect(first(filtering(config, { local: { vlan: { access: 10 } } })).interface?.name).toBe('br0');
    const trunk = { local: { vlan: { trunk: [20], native: 10 } } };
    expect(problemsOf(filtering(config, trunk))).toEqual([
      'vlans.10.network.mode: host-only has the host in it, by an interface in VLAN 10 alone: add ports: { br0.10: { type: tap, vlan: { access: 10 } } }',
    ]);
  });

  test('an isolated one has no host in it', () => {
    const config = { mode: 'isolated', subnet: SUBNET };
    expect(problemsOf(filtering(config))).toEqual([]);
    const sentence =
      'vlans.10.network.mode: an isolated network has no host in it: take the interface of br0 out of VLAN 10, or set mode to host-only';
    expect(problemsOf(filtering(config, { local: { vlan: { trunk: ['1-20'] } } }))).toEqual([sentence]);
    expect(problemsOf(filtering(config, { ports: { 'br0.10': gateway } }))).toEqual([sentence]);
  });

  test('a network is written where the bridge has its domains', () => {
    const config = { mode: 'isolated', subnet: SUBNET };
    expect(problemsOf(bridge(config, { vlan_filtering: true }))).toEqual([
      'network: bridge br0 filters VLANs, and a network is one VLAN: write it under that, as in vlans: { 10: { network: ... } }',
    ]);
  });

  test('two of one bridge do not overlap where the host is in both', () => {
    const config = { mode: 'host-only', subnet: SUBNET };
    const vlans = { 10: { network: config }, 20: { network: { ...config, subnet: '192.168.0.0/16' } } };
    const ports = { 'br0.10': gateway, 'br0.20': { type: 'tap', vlan: { access: 20 } } };
    expect(problemsOf(filtering(config, { vlans, ports }))).toEqual([
      'vlans.20.network.subnet: the host would not know where to send: network br0.10 has 192.168.122.0/24',
    ]);
  });
});
