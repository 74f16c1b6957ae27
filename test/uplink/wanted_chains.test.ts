import { expect, onTestFinished, test } from 'vitest';
import { withNetns } from '../../src/sys/netns.ts';
import { NfTablesSocket } from '../../src/sys/nftables.ts';
import type { HostNetwork } from '../../src/uplink/network.ts';
import { type Uplink, wantedChains } from '../../src/uplink/wanted_chains.ts';
import { parseIp } from '../../src/wire/ip_address.ts';
import { parsePrefix } from '../../src/wire/ip_prefix.ts';
import { tableBatch } from '../../src/wire/nf_tables.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('nft');

const network = (name: string, mode: HostNetwork['mode'], ...subnets: string[]): HostNetwork => ({
  interface: name,
  mode,
  subnets: subnets.map((text) => parsePrefix(text) ?? expect.fail(text)),
  publish: [],
});

const UPLINKS: Uplink[] = [
  { name: 'eth0', family: 4, isNew: true },
  { name: 'eth1', family: 6, isNew: false },
];
const NAT = network('nat0', 'nat', '10.1.0.0/24', 'fd00:1::/64');
const ROUTED = network('routed0', 'routed', '10.2.0.0/24');
const PUBLISH = [
  { protocol: 'tcp' as const, port: 8080, to: parseIp('10.1.0.2') ?? expect.fail(), toPort: 80 },
  { protocol: 'udp' as const, port: 53, to: parseIp('fd00:1::2') ?? expect.fail(), toPort: 53 },
];

/** Rules of the table as nft reads them, by chain; without counters, comments and what nft says about a table. */
async function rules(networks: HostNetwork[], uplinks: Uplink[]): Promise<Record<string, string[]>> {
  const netns = await (await openLab()).netns('a');
  const socket = withNetns(netns.name, (fd) => NfTablesSocket.open(fd));
  onTestFinished(() => socket.close());
  socket.carryOut(tableBatch({ name: 'tl', chains: wantedChains(networks, uplinks) }, false));
  const chains: Record<string, string[]> = {};
  let chain = '';
  for (const line of (await netns.check(['nft', 'list', 'ruleset'])).split('\n')) {
    chain = /^\tchain (\w+)/.exec(line)?.[1] ?? chain;
    const [, rule] = /^\t\t(?!type)(.*?)(?: comment ".*")?$/.exec(line) ?? [];
    if (rule !== undefined)
      chains[chain] = [...(chains[chain] ?? []), rule.replace(/counter packets \d+ bytes \d+ /, '')];
  }
  return chains;
}

test('guests of nat leave as the host by the uplink of each family, with addresses of their own', async () => {
  expect(await rules([NAT], UPLINKS)).toEqual({
    forward: [
      'iifname "nat0" ct state invalid drop',
      'iifname "nat0" ct state established,related accept',
      'oifname "nat0" ct state established,related accept',
      'iifname "nat0" oifname "eth0" ip saddr 10.1.0.0/24 accept',
      'iifname "nat0" oifname "eth1" ip6 saddr fd00:1::/64 accept',
      'iifname "nat0" drop',
      'oifname "nat0" drop',
      'iifname "eth0" meta nfproto ipv4 ct state established,related accept',
      'iifname "eth0" meta nfproto ipv4 ct status dnat accept',
      'iifname "eth0" meta nfproto ipv4 drop',
    ],
    postrouting: [
      'ip saddr 10.1.0.0/24 oifname "eth0" masquerade',
      'ip6 saddr fd00:1::/64 oifname "eth1" masquerade',
    ],
  });
});

test('networks of all modes: what decides about one comes before what another opens', async () => {
  const host = network('host0', 'host-only', '10.3.0.0/24');
  const { forward, postrouting } = await rules([NAT, ROUTED, host, network('alone0', 'isolated')], UPLINKS);
  expect(forward).toEqual([
    'iifname "host0" drop',
    'oifname "host0" drop',
    'iifname "nat0" ct state invalid drop',
    'iifname "nat0" ct state established,related accept',
    'oifname "nat0" ct state established,related accept',
    'iifname "routed0" ct state established,related accept',
    'oifname "routed0" ct state established,related accept',
    'iifname "nat0" oifname "eth0" ip saddr 10.1.0.0/24 accept',
    'iifname "nat0" oifname "eth1" ip6 saddr fd00:1::/64 accept',
    'iifname "nat0" oifname "routed0" ip saddr 10.1.0.0/24 accept',
    'iifname "nat0" oifname "routed0" ip6 saddr fd00:1::/64 accept',
    'iifname "routed0" oifname "eth0" ip saddr 10.2.0.0/24 accept',
    'iifname "nat0" drop',
    'iifname "routed0" drop',
    'oifname "routed0" ip daddr 10.2.0.0/24 accept',
    'oifname "nat0" drop',
    'oifname "routed0" drop',
    ...['ct state established,related accept', 'ct status dnat accept', 'drop'].map(
      (rest) => `iifname "eth0" meta nfproto ipv4 ${rest}`,
    ),
  ]);
  expect(postrouting).toContain('ip saddr 10.1.0.0/24 oifname "routed0" masquerade');
  expect(postrouting.some((rule) => rule.includes('10.2.0.0'))).toBe(false);
});

test('guests of nat leave as a given address', async () => {
  const as = [parseIp('192.0.2.9') ?? expect.fail()];
  const { postrouting } = await rules([{ ...NAT, as }], UPLINKS);
  expect(postrouting).toEqual([
    'ip saddr 10.1.0.0/24 oifname "eth0" snat ip to 192.0.2.9',
    'ip6 saddr fd00:1::/64 oifname "eth1" masquerade',
  ]);
});

test('published ports', async () => {
  const { forward, ...others } = await rules([{ ...NAT, publish: PUBLISH }], []);
  expect(forward.filter((rule) => rule.includes('dnat'))).toEqual([
    'oifname "nat0" ip daddr 10.1.0.2 tcp dport 80 ct status dnat accept',
    'oifname "nat0" ip6 daddr fd00:1::2 udp dport 53 ct status dnat accept',
  ]);
  expect(others).toEqual({
    postrouting: [
      'ip saddr 10.1.0.0/24 oifname "nat0" ct status dnat masquerade',
      'ip6 saddr fd00:1::/64 oifname "nat0" ct status dnat masquerade',
    ],
    prerouting: [
      'ip daddr != 10.1.0.0/24 fib daddr type local tcp dport 8080 dnat ip to 10.1.0.2:80',
      'ip6 daddr != fd00:1::/64 fib daddr type local udp dport 53 dnat ip6 to [fd00:1::2]:53',
    ],
    output: [
      'ip daddr != 10.1.0.0/24 ip daddr != 127.0.0.0/8 fib daddr type local tcp dport 8080 dnat ip to 10.1.0.2:80',
      'ip6 daddr != fd00:1::/64 ip6 daddr != ::1 fib daddr type local udp dport 53 dnat ip6 to [fd00:1::2]:53',
    ],
  });
});

test('isolated networks need no table', () => {
  expect(wantedChains([network('alone0', 'isolated', '10.0.0.0/24')], UPLINKS)).toEqual([]);
  expect(wantedChains([], UPLINKS)).toEqual([]);
});
