// The client against our own servers, in virtual time.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leaseOf } from '../../../src/protocol/dhcp_client/lease.ts';
import { requestFrame } from '../../../src/protocol/dhcp_client/requests.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { type DhcpFrame, parseDhcpFrame } from '../../../src/wire/dhcp4/frame.ts';
import { routes, uint32 } from '../../../src/wire/dhcp4/values.ts';
import { ip, SUBNET } from '../dhcp/world.ts';
import { MAC, SERVER, Segment } from './segment.ts';

const FIRST = ip('192.168.122.100');
const OTHER = ip('192.168.122.9');
const minutes = (n: number) => n * 60_000;
/** Another server of the same subnet, with addresses of its own. */
const second = {
  address: OTHER,
  subnets: [{ ...SUBNET, ranges: [{ first: ip('192.168.122.200'), last: ip('192.168.122.209') }] }],
};

test('discover, offer, request, acknowledgement, probes, and the lease is used', () => {
  const options = { routers: [SERVER], dns: [SERVER, ip('9.9.9.9')], domain: 'lan.example', mtu: 1400 };
  const segment = new Segment([{ subnets: [{ ...SUBNET, options }] }]).begin().pass(2000);
  expect(segment.said).toEqual([
    '0 discover',
    '0 request for 192.168.122.100 to one',
    '0 probe 192.168.122.100',
    '0 probe 192.168.122.100',
    '0 probe 192.168.122.100',
    '0 announce 192.168.122.100',
  ]);
  expect(segment.history).toEqual(['has 192.168.122.100']);
  expect(segment.lease).toMatchObject({
    address: FIRST,
    prefix: 24,
    router: SERVER,
    dns: [SERVER, ip('9.9.9.9')],
    domain: 'lan.example',
    mtu: 1400,
    server: SERVER,
    renewAt: 1000 + minutes(30),
    rebindAt: 1000 + minutes(52.5),
    until: 1000 + minutes(60),
  });
  const known = segment.servers[0].server.leases()[0];
  expect(known).toMatchObject({ client: 'id 0102005e100077', hostName: 'r1', state: 'bound' });
});

test('it renews straight with its server, before half of its time is over', () => {
  const segment = new Segment().begin().pass(2000);
  segment.said.length = 0;
  segment.pass(minutes(30));
  expect(segment.said).toHaveLength(1);
  expect(segment.said[0]).toMatch(/^1[678]\d\d request with 192\.168\.122\.100 at 192\.168\.122\.1$/);
  expect(segment.history).toEqual(['has 192.168.122.100', 'has 192.168.122.100']);
  expect(segment.lease?.until).toBeGreaterThan(1000 + minutes(80));
});

test('a silent server: it asks on, then all, and gives the address up when its time is over', () => {
  const segment = new Segment().begin().pass(2000);
  segment.loses = true;
  segment.said.length = 0;
  segment.pass(minutes(59));
  const ways = segment.said.map((line) => line.replace(/^\d+ /, ''));
  const alone = ways.filter((line) => line.endsWith('at 192.168.122.1')).length;
  expect(alone).toBeGreaterThanOrEqual(3);
  expect(alone).toBeLessThan(8);
  expect(ways.at(-1)).toBe('request with 192.168.122.100');
  expect(ways.length - alone).toBeLessThan(8);
  expect(segment.lease?.address).toBe(FIRST);
  segment.pass(minutes(2));
  expect(segment.history.at(-1)).toBe('lost: its time is over, and no server has answered');
  expect(segment.lease).toBeUndefined();
  segment.loses = false;
  segment.pass(minutes(2));
  expect(segment.history.at(-1)).toBe('has 192.168.122.100');
});

test('another server may take over when its own is gone', () => {
  const segment = new Segment([{}]).begin().pass(2000);
  const before = segment.servers[0];
  before.isUp = false;
  // It knows the leases of the first, as after a failover, and has another address itself.
  segment.addServer({ address: OTHER });
  const { server } = segment.servers[1];
  for (const type of ['discover', 'request'] as const) {
    const bytes = requestFrame(
      { mac: MAC },
      { type, xid: 1, secs: 0, requested: FIRST, ...(type === 'request' && { server: OTHER }) },
    );
    server.received({ port: 'p1', vlan: 0, tag: 0, bytes, at: segment.now });
  }
  segment.pass(minutes(55));
  expect(segment.lease).toMatchObject({ address: FIRST, server: OTHER });
  expect(segment.history.every((line) => line === 'has 192.168.122.100')).toBe(true);
});

test('of two servers the first one is taken, and the other keeps nothing', () => {
  const segment = new Segment([{}, second]).begin().pass(2000);
  expect(segment.lease?.server).toBe(SERVER);
  const states = segment.servers[1].server.leases().map(({ state }) => state);
  expect(states).toEqual(['ended']);
});

test('lost answers: 4, 8, 16, 32, 64 seconds, each up to one more or less, and never less often', () => {
  const segment = new Segment();
  segment.loses = true;
  segment.begin().pass(minutes(6));
  const times = segment.said.map((line) => Number(line.split(' ')[0]));
  const waits = times.slice(1).map((time, n) => time - times[n]);
  for (const [n, expected] of [4, 8, 16, 32, 64, 64].entries())
    expect(Math.abs(waits[n] - expected)).toBeLessThanOrEqual(2);
  segment.loses = false;
  segment.pass(70_000);
  expect(segment.lease?.address).toBe(FIRST);
});

test('an offer that is not kept is asked for four times, and then it begins anew', () => {
  const segment = new Segment();
  segment.begin();
  const late = new Segment();
  late.spoil = (frame) => {
    const parsed = parseDhcpFrame(frame) as DhcpFrame;
    return parsed.message.type === 'ack' ? new Uint8Array() : frame;
  };
  late.begin().pass(62_000);
  const said = late.said.map((line) => line.split(' ')[1]);
  expect(said.slice(0, 7)).toEqual([
    'discover',
    'request',
    'request',
    'request',
    'request',
    'discover',
    'request',
  ]);
});

test('with a lease of before it asks for that address at once', () => {
  const first = new Segment().begin().pass(2000);
  const segment = new Segment([], first.lease);
  segment.servers.push(...first.servers);
  segment.begin().pass(2000);
  expect(segment.said.slice(0, 2)).toEqual(['0 request for 192.168.122.100', '0 probe 192.168.122.100']);
  expect(segment.history).toEqual(['has 192.168.122.100']);
});

test('that address is another network’s: it takes a new one at once', () => {
  const segment = new Segment([{}], { address: ip('10.9.9.9'), until: 1e9 }).begin().pass(2000);
  expect(segment.said.slice(0, 3)).toEqual([
    '0 request for 10.9.9.9',
    '0 discover',
    '0 request for 192.168.122.100 to one',
  ]);
  expect(segment.lease?.address).toBe(FIRST);
});

test('nobody answers the request for it: it looks for servers, and asks for the address as a wish', () => {
  const segment = new Segment([], { address: FIRST + 50, until: 1e9 }).begin().pass(11_000);
  segment.addServer({});
  segment.pass(20_000);
  expect(segment.said.filter((line) => line.includes('request for 192.168.122.150')).length).toBe(3);
  expect(segment.lease?.address).toBe(FIRST + 50);
  const stale = new Segment([{}], { address: FIRST + 50, until: 999 }).begin();
  expect(stale.said[0]).toBe('0 discover for 192.168.122.150');
});

test('the server takes the address back: it is given up at once, and another one asked for', () => {
  const segment = new Segment().begin().pass(2000);
  segment.servers.splice(0);
  segment.addServer({});
  segment.pass(minutes(31));
  expect(segment.history.slice(0, 2)).toEqual(['has 192.168.122.100', 'lost: address is not yours']);
  expect(segment.lease?.address).toBe(FIRST);
});

test('who refuses for ever is asked ever more seldom', () => {
  const segment = new Segment();
  segment.spoil = (frame) => {
    const parsed = parseDhcpFrame(frame) as DhcpFrame;
    if (parsed.message.type !== 'ack') return frame;
    const nak = frame.slice();
    nak[14 + 20 + 8 + 240 + 2] = 6;
    new DataView(nak.buffer).setUint16(14 + 20 + 6, 0); // without a checksum
    return nak;
  };
  segment.begin().pass(minutes(30));
  const discovers = segment.said.filter((line) => line.includes('discover')).length;
  expect(discovers).toBeGreaterThan(10);
  expect(discovers).toBeLessThan(50);
  expect(segment.lease).toBeUndefined();
});

test('an address that somebody has is declined, and another one asked for after ten seconds', () => {
  const segment = new Segment();
  segment.squatters.set(FIRST, { hi: 0x0200, lo: 99 });
  segment.begin().pass(12_000);
  expect(segment.said).toEqual([
    '0 discover',
    '0 request for 192.168.122.100 to one',
    '0 probe 192.168.122.100',
    '0 decline for 192.168.122.100 to one',
    '10 discover',
    '10 request for 192.168.122.101 to one',
    ...Array(3).fill('10 probe 192.168.122.101'),
    '10 announce 192.168.122.101',
  ]);
  expect(segment.servers[0].server.leases().map(({ state }) => state)).toEqual(['declined', 'bound']);
});

test('it gives its lease back, and has none after that', () => {
  const segment = new Segment().begin().pass(2000);
  segment.client.release(segment.now);
  segment.deliver();
  expect(segment.said.at(-1)).toBe('2 release with 192.168.122.100 to one at 192.168.122.1');
  expect(segment.history.at(-1)).toBe('lost: released');
  expect(segment.servers[0].server.leases()[0].state).toBe('ended');
  expect(segment.client.deadline()).toBe(Number.POSITIVE_INFINITY);
});

test('when its link comes back it asks whether the lease still holds, and keeps it meanwhile', () => {
  const segment = new Segment().begin().pass(2000);
  segment.begin();
  expect(segment.said.at(-1)).toBe('2 request for 192.168.122.100');
  expect(segment.client.state).toBe('bound');
  segment.servers.splice(0);
  segment.addServer({
    subnets: [
      { ...SUBNET, network: ip('10.1.0.0'), ranges: [{ first: ip('10.1.0.5'), last: ip('10.1.0.9') }] },
    ],
    address: ip('10.1.0.1'),
  });
  segment.begin().pass(2000);
  expect(segment.history.slice(-2)).toEqual(['lost: address is of another network', 'has 10.1.0.5']);
});

test('answers to others, or to nothing, change nothing; no bytes are too much', () => {
  const segment = new Segment().begin().pass(2000);
  const { client } = segment;
  const before = [client.state, client.lease];
  const ack = requestFrame({ mac: MAC }, { type: 'ack', xid: 7, secs: 0 });
  client.received(ack, segment.now);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, isMangled) => {
      const bytes = isMangled ? Uint8Array.of(...ack.subarray(0, 282), ...noise) : noise;
      client.received(bytes, segment.now);
      client.hearArp(bytes, segment.now);
    }),
  );
  expect([client.state, client.lease]).toEqual(before);
});

test('an answer to another exchange, or another machine, is none', () => {
  const XID = 14 + 20 + 8 + 4;
  const CHADDR = 14 + 20 + 8 + 28;
  for (const at of [XID, CHADDR + 5]) {
    const segment = new Segment();
    segment.spoil = (frame) => {
      const other = frame.slice();
      other[at] ^= 1;
      new DataView(other.buffer).setUint16(14 + 20 + 6, 0); // without a checksum
      return other;
    };
    segment.begin().pass(minutes(1));
    expect(segment.said.filter((line) => line.includes('request'))).toEqual([]);
  }
});

test('what a server says is read as it is meant', () => {
  const frame = (options: [number, Uint8Array][], yiaddr = FIRST): DhcpFrame => {
    const parsed = parseDhcpFrame(
      requestFrame({ mac: MAC }, { type: 'ack', xid: 7, secs: 0, to: { address: 1, mac: MAC } }),
    );
    // Ports of a client's own frame.
    const { message } = parsed as DhcpFrame;
    return { ...(parsed as DhcpFrame), message: { ...message, yiaddr, options: new Map(options) } };
  };
  const basis: [number, Uint8Array][] = [
    [OPTION.serverId, uint32(SERVER)],
    [OPTION.leaseTime, uint32(600)],
  ];
  expect(leaseOf(frame(basis), 0)).toMatchObject({
    prefix: 24,
    router: 0,
    renewAt: 262_500,
    rebindAt: 525_000,
    until: 600_000,
  });
  expect(leaseOf(frame(basis, 0), 0)).toBeUndefined();
  expect(leaseOf(frame(basis.slice(1)), 0)).toBeUndefined();
  expect(leaseOf(frame(basis.slice(0, 1)), 0)).toBeUndefined();
  const mask = (text: string) => leaseOf(frame([...basis, [OPTION.subnetMask, uint32(ip(text))]]), 0)?.prefix;
  expect(['255.255.255.128', '255.0.0.0', '255.255.255.255', '255.0.255.0'].map(mask)).toEqual([
    25, 8, 32, 24,
  ]);
  const list = [
    { to: ip('10.0.0.0'), prefix: 8, via: ip('192.168.122.9') },
    { to: 0, prefix: 0, via: ip('192.168.122.3') },
  ];
  const routed = frame([...basis, [OPTION.routers, uint32(SERVER)], [OPTION.routes, routes(list)]]);
  expect(leaseOf(routed, 0)).toMatchObject({ router: ip('192.168.122.3'), routes: [list[0]] });
  const broken = frame([
    ...basis,
    [OPTION.routers, uint32(SERVER)],
    [OPTION.routes, Uint8Array.of(33, 1, 2)],
  ]);
  expect(leaseOf(broken, 0)).toMatchObject({ router: SERVER, routes: [] });
  const times = frame([...basis, [OPTION.renewalTime, uint32(900)], [OPTION.rebindingTime, uint32(100)]]);
  expect(leaseOf(times, 0)).toMatchObject({ renewAt: 50_000, rebindAt: 100_000 });
  const forEver = frame([basis[0], [OPTION.leaseTime, uint32(0xffff_ffff)]]);
  expect(leaseOf(forEver, 0)?.until).toBe(Number.POSITIVE_INFINITY);
});
