// Hosts with a fixed IPv6 address, and clients behind relay agents.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textOf } from '../../../src/protocol/dhcp6/lease.ts';
import type { Dhcp6Outcome, Dhcp6Settings } from '../../../src/protocol/dhcp6/outcome.ts';
import { Pool6 } from '../../../src/protocol/dhcp6/pool.ts';
import { Dhcp6Server } from '../../../src/protocol/dhcp6/server.ts';
import { OPTION6 } from '../../../src/wire/dhcp6/codes.ts';
import { buildFrame6, parseFrame6 } from '../../../src/wire/dhcp6/frame.ts';
import { parseMessage6 } from '../../../src/wire/dhcp6/message.ts';
import { buildOptions } from '../../../src/wire/dhcp6/options.ts';
import { parseRelayed } from '../../../src/wire/dhcp6/relay.ts';
import { type IpPrefix, parsePrefix } from '../../../src/wire/ip_prefix.ts';
import { multicastMac, parseIpv6Frame } from '../../../src/wire/ipv6_frame.ts';
import { guestMac } from '../../wire/dhcp4/messages.ts';
import { answerIn, type ClientFields, clientFrame6, duid, ip } from '../../wire/dhcp6/messages.ts';

const prefix = (text: string) => parsePrefix(text) as IpPrefix;
const SERVER = Uint8Array.of(0, 3, 0, 1, 2, 0, 0, 0, 0, 0xff);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function open(more: Partial<Dhcp6Settings> = {}) {
  const settings: Dhcp6Settings = {
    mac: { hi: 0x0200, lo: 0xff },
    source: ip('fe80::1'),
    subnet: prefix('fd00::/64'),
    addresses: Pool6.ofRange(ip('fd00::2'), ip('fd00::4')),
    gateway: ip('fd00::1'),
    hosts: [
      { name: 'web', mac: '02:00:00:00:00:01', address: ip('fd00::3') },
      { name: 'db', duid: hex(duid(guestMac(2))), address: ip('fd00::80') },
      { name: 'desk', port: 'vm9', address: ip('fd00::90') },
      { name: 'far', mac: '02:00:00:00:00:05', address: ip('fd00:9::80') },
    ],
    relayPorts: ['router'],
    relayed: [
      {
        subnet: prefix('fd00:9::/64'),
        addresses: Pool6.ofRange(ip('fd00:9::10'), ip('fd00:9::1f')),
        resolvers: [ip('fd00:9::53')],
      },
    ],
    leaseTime: 600,
    quarantine: 60,
    leasesPerPort: 2,
    resolvers: [ip('fd00::1')],
    search: [],
    ...more,
  };
  return new Dhcp6Server(settings, [], 0);
}

type Fields = Partial<ClientFields>;
const request: Fields = { type: 'request', server: SERVER, items: [] };

function ask(server: Dhcp6Server, n: number, fields: Fields = request, port = 'vm1'): string[] {
  const bytes = clientFrame6({ mac: guestMac(n), ...fields });
  const [answer] = server.received({ bytes, port, at: 0 }).frames;
  const { associations } = (answer && answerIn(answer.frame)) ?? { associations: [] };
  return associations.flatMap(({ items }) => items.map(textOf));
}

test('who has an address by the configuration gets it, by MAC, DUID or port, and nobody else does', () => {
  const server = open();
  expect(ask(server, 1)).toEqual(['fd00::3']);
  expect(ask(server, 2)).toEqual(['fd00::80']);
  expect(ask(server, 3, request, 'vm9')).toEqual(['fd00::90']);
  const wish = { ...request, items: [{ address: ip('fd00::80'), bits: 128 }] };
  const others = [6, 7, 8].flatMap((n) => ask(server, n, wish, `vm${n}`));
  expect(others.sort()).toEqual(['fd00::2', 'fd00::4']);
  expect(server.leases().map((lease) => server.hostOf(lease)?.name)).toEqual([
    'web',
    'db',
    'desk',
    undefined,
    undefined,
  ]);
});

test('without a range they get theirs, and others none', () => {
  const server = open({ addresses: undefined });
  expect(ask(server, 1)).toEqual(['fd00::3']);
  expect(ask(server, 6)).toEqual([]);
});

test('a host that has another address gives it up for its own, and is told so', () => {
  const before = open({ hosts: [] });
  const [old] = ask(before, 2);
  const server = new Dhcp6Server(settingsOf(open()), before.leases(), 0);
  const renew = { ...request, type: 'renew' as const, items: [{ address: ip(old), bits: 128 }] };
  expect(ask(server, 2, renew)).toEqual(['fd00::80', old]);
  expect(server.leases().map(textOf)).toEqual(['fd00::80']);
});

test('another system of the same machine gets its address', () => {
  const server = open();
  expect(ask(server, 1, { ...request, iaid: 1 })).toEqual(['fd00::3']);
  expect(ask(server, 1, { ...request, iaid: 2 })).toEqual(['fd00::3']);
  expect(server.leases()).toHaveLength(1);
});

test('while somebody else has the address the host gets another one', () => {
  const before = open({ hosts: [], addresses: Pool6.ofRange(ip('fd00::3'), ip('fd00::3')) });
  expect(ask(before, 6)).toEqual(['fd00::3']);
  const server = new Dhcp6Server(settingsOf(open()), before.leases(), 0);
  expect(ask(server, 1)).not.toEqual(['fd00::3']);
  server.tick(600_000);
  expect(ask(server, 1)).toEqual(['fd00::3']);
});

function settingsOf(server: Dhcp6Server): Dhcp6Settings {
  return (server as unknown as { settings: Dhcp6Settings }).settings;
}

interface Way {
  link?: string;
  peer?: string;
  interfaceId?: Uint8Array;
  clientMac?: number;
  port?: string;
  dst?: string;
  /** Relayed once more by an agent that does not say the link. */
  again?: boolean;
}

const RELAY = { mac: guestMac(0x99), address: ip('fe80::99') };

/** What a relay agent makes of a client's message. */
function relayFrame(n: number, fields: Fields, way: Way): Uint8Array {
  const inner = clientFrame6({ mac: guestMac(n), ...fields });
  const { link = 'fd00:9::1', peer = `fe80::${n}`, interfaceId, clientMac, dst = 'ff02::1:2' } = way;
  const options: [number, Uint8Array][] = [[OPTION6.relayMessage, inner.slice(14 + 40 + 8)]];
  if (interfaceId !== undefined) options.push([OPTION6.interfaceId, interfaceId]);
  if (clientMac !== undefined)
    options.push([OPTION6.clientMac, Uint8Array.of(0, 1, 2, 0, 0, 0, 0, clientMac)]);
  let message: Uint8Array = Buffer.concat([Uint8Array.of(12, 0), ip(link), ip(peer), buildOptions(options)]);
  if (way.again === true) {
    const outer = buildOptions([[OPTION6.relayMessage, message]]);
    message = Buffer.concat([Uint8Array.of(12, 1), ip('::'), ip('fe80::77'), outer]);
  }
  const to = ip(dst);
  const isGroup = to[0] === 0xff;
  const frame = {
    srcMac: RELAY.mac,
    src: RELAY.address,
    dstMac: isGroup ? multicastMac(to) : { hi: 0x0200, lo: 0xff },
    dst: to,
  };
  return buildFrame6(frame, 547, 547, message);
}

function relayed(server: Dhcp6Server, n: number, fields: Fields = request, way: Way = {}) {
  const out = server.received({ bytes: relayFrame(n, fields, way), port: way.port ?? 'router', at: 0 });
  return { out, answer: out.frames[0] && answerOf(out) };
}

/** What is in the relay reply. */
function answerOf({ frames: [{ frame }] }: Dhcp6Outcome) {
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string') throw new Error(packet);
  const { view, at, end, dst, dstMac, src } = packet;
  // As if it were on its way there: the layers are the same.
  const bytes = Uint8Array.from(frame.subarray(at + 8, end), (byte, i) => (i === 0 ? byte - 1 : byte));
  let inner = bytes;
  const types: number[] = [];
  const layers: { interfaceId?: Uint8Array; peer: Uint8Array; hops: number }[] = [];
  for (;;) {
    const one = parseRelayed(inner);
    if (one === undefined) throw new Error('not whole');
    layers.push(...one.layers);
    types.push(inner[0]);
    if (one.message[0] !== 13) {
      const message = parseMessage6(one.message);
      if (typeof message === 'string') throw new Error(message);
      const addresses = message.associations.flatMap(({ items }) => items.map(textOf));
      return { message, addresses, layers, port: view.getUint16(at + 2), dst, dstMac, src };
    }
    inner = Uint8Array.from(one.message, (byte, i) => (i === 0 ? 12 : byte));
  }
}

test('a client behind a relay agent gets an address of its own link, by the agent, with its interface', () => {
  const server = open();
  const interfaceId = Uint8Array.of(7, 7);
  const { answer, out } = relayed(server, 6, request, { interfaceId });
  expect(answer.addresses[0]).toMatch(/^fd00:9::1[0-9a-f]$/);
  expect(answer).toMatchObject({
    port: 547,
    dst: RELAY.address,
    dstMac: RELAY.mac,
    src: ip('fe80::1'),
    layers: [{ interfaceId, peer: ip('fe80::6'), hops: 0 }],
  });
  expect(out.leases).toMatchObject([[{ port: 'router', relayed: true, mac: '02:00:00:00:00:06' }, false]]);
});

test('its own hosts and resolvers are those of the link', () => {
  const server = open();
  const more: [number, Uint8Array][] = [[OPTION6.optionRequest, Uint8Array.of(0, 23)]];
  const { answer } = relayed(server, 5, { ...request, more });
  expect(answer.addresses).toEqual(['fd00:9::80']);
  expect(answer.message.options.get(OPTION6.dnsServers)).toEqual(ip('fd00:9::53'));
  // Its own address is of another link, and its port is everybody's.
  expect(relayed(server, 1).answer.addresses[0]).toMatch(/^fd00:9::1/);
});

test('the MAC address is what the relay agent says, and the link that of the one nearest to the client', () => {
  const server = open();
  const { out } = relayed(server, 6, request, { clientMac: 0x42, again: true });
  expect(out.leases).toMatchObject([[{ mac: '02:00:00:00:00:42' }, false]]);
  const { answer } = relayed(server, 6, request, { again: true });
  expect(answer.layers).toMatchObject([{ peer: ip('fe80::77'), hops: 1 }, { peer: ip('fe80::6') }]);
  // Who says no link is on the network's own.
  expect(relayed(server, 7, request, { link: '::' }).answer.addresses[0]).toMatch(/^fd00::[24]$/);
});

test.each([
  ['behind another port', { port: 'vm1' }, 'unknown_relay'],
  ['for a link that nobody knows', { link: 'fd00:77::1' }, 'unknown_relay'],
  ['to somebody else', { dst: 'fd00::77' }, 'not_ours'],
] as [string, Way, 'unknown_relay' | 'not_ours'][])('a relay agent %s is not heard', (_, way, reason) => {
  const server = open();
  expect(relayed(server, 6, request, way).out.frames).toEqual([]);
  expect(server.counters.ignored).toEqual({ [reason]: 1 });
});

test('it may write to the gateway, and its clients do not count as its port’s', () => {
  const server = open();
  for (const [n, dst] of [
    [6, 'fe80::1'],
    [7, 'fd00::1'],
    [8, 'ff02::1:2'],
  ] as const)
    expect(relayed(server, n, request, { dst }).answer.addresses).toHaveLength(1);
});

test('one that relays for ever, or is cut, is not heard, and nothing throws', () => {
  const whole = relayFrame(6, request, { again: true });
  let message = whole.slice(14 + 40 + 8);
  for (let n = 0; n < 7; n++)
    message = Buffer.concat([
      Uint8Array.of(12, n),
      ip('::'),
      ip('fe80::7'),
      buildOptions([[OPTION6.relayMessage, message]]),
    ]);
  expect(parseRelayed(message)).toBeUndefined();
  for (let length = 0; length < whole.length; length++) parseFrame6(whole.slice(0, length));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseRelayed(Buffer.concat([Uint8Array.of(12), bytes]));
    }),
    { numRuns: 2000 },
  );
});
