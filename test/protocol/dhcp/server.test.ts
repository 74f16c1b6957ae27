// The server as its clients see it: RFC 2131's exchanges, by a clock of the test's own.

import { describe, expect, test } from 'vitest';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { buildDhcpFrame, parseDhcpFrame } from '../../../src/wire/dhcp4/frame.ts';
import { buildMessage } from '../../../src/wire/dhcp4/message.ts';
import { uint32 } from '../../../src/wire/dhcp4/values.ts';
import { BROADCAST, BROADCAST_MAC, clientFrame, clientMessage, guestMac } from '../../wire/dhcp4/messages.ts';
import { bytes, dotted, ip, number, SERVER, SUBNET, World } from './world.ts';

const A = ip('192.168.122.100');
const B = ip('192.168.122.101');
const id = (...value: number[]) => ({ options: [[OPTION.clientId, Uint8Array.from(value)] as const] });

describe('a new guest', () => {
  test('is offered an address after a probe of at most 300 ms, and gets it', () => {
    const world = new World();
    expect(world.say('discover', 1)).toEqual([]);
    expect(world.pass(200)).toEqual([]);
    const [offer] = world.pass(100);
    expect(world.probed).toEqual([A, A]);
    expect(offer).toMatchObject({ port: 'p1', message: { type: 'offer', yiaddr: A, xid: 0x1234_5678 } });
    expect(world.disk.size).toBe(0);
    const ack = world.select(1, A);
    expect(ack?.message).toMatchObject({ type: 'ack', yiaddr: A });
    expect(number(ack, OPTION.leaseTime)).toBe(3600);
    expect(number(ack, OPTION.renewalTime)).toBe(1800);
    expect(number(ack, OPTION.rebindingTime)).toBe(3150);
    expect(number(ack, OPTION.serverId)).toBe(SERVER);
    expect(world.disk.get(A)).toMatchObject({ state: 'bound', port: 'p1', mac: '02:00:00:00:00:01' });
    expect(world.events).toEqual([`bound ${dotted(A)} p1`]);
  });

  test('that asks again while it waits is answered once, by its last request', () => {
    const world = new World();
    world.say('discover', 1, { xid: 1 });
    world.pass(150);
    world.say('discover', 1, { xid: 2 });
    expect(world.pass(1000).map(({ message }) => message.xid)).toEqual([2]);
    expect(world.probed).toEqual([A, A]);
  });

  test('is offered an address that another one had only after a probe', () => {
    const world = new World({ subnets: [{ ...SUBNET, ranges: [{ first: A, last: A }] }] });
    world.join(1);
    world.release(1, A);
    world.probed = [];
    expect(world.say('discover', 2)).toEqual([]);
    expect(world.probed).toEqual([A]);
  });

  test('that does not wait for the probe does not get it', () => {
    const world = new World();
    world.say('discover', 1);
    expect(world.select(1, A)?.message.type).toBe('nak');
    expect(world.join(1)).toBe(A);
  });

  test('gets another address if somebody answers for the first', () => {
    const world = new World();
    world.squatters.set(A, { mac: guestMac(9), port: 'p9' });
    expect(world.join(1)).toBe(B);
    expect(world.events).toEqual([`conflict ${dotted(A)} p9`, `bound ${dotted(B)} p1`]);
    expect(world.disk.get(A)).toMatchObject({ state: 'declined', mac: '02:00:00:00:00:09' });
    expect(world.join(2)).toBe(ip('192.168.122.102'));
    world.pass(600_000);
    world.squatters.clear();
    // Now the quarantine is over, but addresses that were never used come first.
    expect(world.join(3)).toBe(ip('192.168.122.103'));
  });

  test('may use the address already that it asks for', () => {
    const world = new World();
    world.squatters.set(B, { mac: guestMac(1), port: 'p1' });
    expect(world.join(1, { options: [[OPTION.requestedAddress, uint32(B)]] })).toBe(B);
  });

  test('is not answered where everything that is tried is in use, and it ends', () => {
    const world = new World({ leasesPerPort: 100 });
    for (let n = 0; n < 100; n++) world.squatters.set(A + n, { mac: guestMac(9), port: 'p9' });
    expect(world.offer(1)).toBeUndefined();
    expect(new Set(world.probed).size).toBe(8);
  });

  test('gets an address that was never used before one that somebody had, and then the one that ended first', () => {
    const world = new World({
      subnets: [{ ...SUBNET, ranges: [{ first: A, last: B + 1 }] }],
    });
    for (const n of [1, 2]) world.join(n);
    world.release(2, B);
    world.release(1, A);
    expect([3, 4, 5].map((n) => world.join(n))).toEqual([B + 1, B, A]);
    expect(world.join(6)).toBe(0);
    expect(world.join(7)).toBe(0);
    expect(world.events.filter((event) => event.startsWith('exhausted'))).toEqual([
      'exhausted 192.168.122.0 p6',
    ]);
    expect(world.server.counters.ignored).toEqual({ no_address: 2 });
  });

  test("gets neither the server's, a router's, an excluded nor a broadcast address", () => {
    const router = ip('10.0.0.2');
    const subnet = {
      network: ip('10.0.0.0'),
      prefix: 29,
      ranges: [{ first: ip('10.0.0.0'), last: ip('10.0.0.7') }],
      excluded: [ip('10.0.0.3')],
      options: { routers: [router] },
    };
    const world = new World({ address: ip('10.0.0.1'), subnets: [subnet] });
    const offers = [1, 2, 3, 4].map((n) => world.offer(n)?.message.yiaddr);
    expect(offers).toEqual([ip('10.0.0.4'), ip('10.0.0.5'), ip('10.0.0.6'), undefined]);
  });
});

describe('a known guest', () => {
  test('is offered its address at once, also after it was released, and after a restart', () => {
    const world = new World();
    expect(world.join(1)).toBe(A);
    expect(world.say('discover', 1)[0].message).toMatchObject({ type: 'offer', yiaddr: A });
    world.release(1, A);
    expect(world.disk.get(A)).toMatchObject({ state: 'ended' });
    expect(world.say('discover', 1)[0].message).toMatchObject({ type: 'offer', yiaddr: A });
    world.restart();
    expect(world.say('discover', 1)[0].message).toMatchObject({ type: 'offer', yiaddr: A });
    world.pass(4_000_000);
    world.restart();
    expect(world.reboot(1, A)?.message).toMatchObject({ type: 'ack', yiaddr: A });
  });

  test('renews, rebinds and reboots, which makes its lease longer', () => {
    const world = new World();
    world.join(1);
    for (const ask of [
      () => world.renew(1, A),
      () => world.renew(1, A, { dst: BROADCAST }),
      () => world.reboot(1, A),
    ]) {
      world.pass(3_000_000);
      expect(ask()?.message).toMatchObject({ type: 'ack', yiaddr: A });
    }
    expect(world.events.slice(1)).toEqual(new Array(3).fill(`renewed ${dotted(A)} p1`));
    world.pass(3_500_000);
    expect(world.server.leases()).toMatchObject([{ address: A, state: 'bound' }]);
    world.pass(200_000);
    expect(world.server.leases()).toMatchObject([{ address: A, state: 'ended' }]);
    expect(world.events.at(-1)).toBe(`expired ${dotted(A)} p1`);
  });

  test('gets the time that it asks for, within bounds', () => {
    const world = new World();
    const asked = (seconds: number) => {
      const options = [[OPTION.leaseTime, uint32(seconds)] as const];
      return number(world.offer(1, { options }), OPTION.leaseTime);
    };
    expect([10, 600, 0xffff_ffff].map(asked)).toEqual([120, 600, 86_400]);
  });

  test('may have a lease without end, which a restart does not end', () => {
    const lease = { time: Number.POSITIVE_INFINITY, min: 1, max: Number.POSITIVE_INFINITY, quarantine: 1 };
    const world = new World({ lease });
    expect(number(world.offer(1), OPTION.leaseTime)).toBe(0xffff_ffff);
    expect(world.join(1)).toBe(A);
    world.restart();
    world.pass(1e10);
    expect(world.server.leases()).toMatchObject([{ state: 'bound', until: Number.POSITIVE_INFINITY }]);
  });
});

describe('an address that is not the client’s', () => {
  test('is refused, whichever way it is asked for', () => {
    const world = new World();
    world.join(1);
    const types = [
      world.select(2, A),
      world.select(2, B),
      world.renew(2, A),
      world.reboot(2, A),
      world.reboot(2, ip('10.1.2.3')),
    ].map((answer) => answer?.message.type);
    expect(types).toEqual(new Array(5).fill('nak'));
    expect(world.reboot(2, A)).toMatchObject({
      dst: BROADCAST,
      dstMac: BROADCAST_MAC,
      message: { yiaddr: 0 },
    });
    expect(world.server.leases()).toMatchObject([{ address: A, state: 'bound', port: 'p1' }]);
  });

  test('is passed over in silence where the server is not the only one', () => {
    const world = new World({ authoritative: false });
    expect(world.reboot(2, A)).toBeUndefined();
    expect(world.renew(2, A)).toBeUndefined();
    expect(world.server.counters.ignored).toEqual({ not_theirs: 2 });
  });

  test('is not offered to who asks for it', () => {
    const world = new World();
    world.join(1);
    world.offer(2);
    world.join(3);
    world.release(3, A + 2);
    const asked = (address: number) => ({ options: [[OPTION.requestedAddress, uint32(address)] as const] });
    const offers = [A, B, A + 2, SERVER, ip('192.168.122.50'), ip('10.0.0.1'), A + 9].map((address, n) => {
      return world.offer(10 + n, asked(address))?.message.yiaddr;
    });
    expect(offers).toEqual([A + 3, A + 4, A + 5, A + 6, A + 7, A + 8, A + 9]);
  });

  test('is not declined or released by others', () => {
    const world = new World();
    world.join(1);
    world.release(2, A);
    world.decline(2, A);
    // With the client's own MAC, from another port.
    world.release(1, A, { port: 'p2' });
    world.decline(1, A, { port: 'p2' });
    expect(world.server.leases()).toMatchObject([{ address: A, state: 'bound' }]);
    expect(world.server.counters.ignored).toEqual({ not_theirs: 4 });
  });
});

test('a client that takes the offer of another server frees ours', () => {
  const world = new World({ subnets: [{ ...SUBNET, ranges: [{ first: A, last: A }] }] });
  world.offer(1);
  expect(world.offer(2)).toBeUndefined();
  expect(world.select(1, ip('192.168.122.77'), {}, ip('192.168.122.2'))).toBeUndefined();
  expect(world.join(2)).toBe(A);
});

test('an offer that nobody takes is free after a while', () => {
  const world = new World({ subnets: [{ ...SUBNET, ranges: [{ first: A, last: A }] }] });
  world.offer(1);
  world.pass(20_000);
  expect(world.offer(2)).toBeUndefined();
  world.pass(10_000);
  expect(world.join(2)).toBe(A);
  const exhausted = 'exhausted 192.168.122.0';
  expect(world.events).toEqual([`${exhausted} p2`, `bound ${dotted(A)} p2`]);
  // It was not so meanwhile, so it is news again.
  expect(world.offer(3)).toBeUndefined();
  expect(world.events.at(-1)).toBe(`${exhausted} p3`);
});

test('an address that its client declines is given to nobody until its quarantine is over, also after a restart', () => {
  const world = new World({ subnets: [{ ...SUBNET, ranges: [{ first: A, last: A }] }] });
  world.join(1);
  world.decline(1, A);
  expect(world.events.at(-1)).toBe(`declined ${dotted(A)} p1`);
  expect(world.offer(1)).toBeUndefined();
  world.restart();
  expect(world.offer(2)).toBeUndefined();
  expect(world.renew(1, A)?.message.type).toBe('nak');
  world.pass(600_000);
  expect(world.join(2)).toBe(A);
});

test('who has an address from elsewhere is told the rest', () => {
  const world = new World();
  const [ack] = world.say('inform', 1, { ciaddr: ip('192.168.122.50') });
  expect(ack).toMatchObject({
    dst: ip('192.168.122.50'),
    dstMac: guestMac(1),
    message: { type: 'ack', yiaddr: 0 },
  });
  expect(ack.message.options.has(OPTION.leaseTime)).toBe(false);
  expect(number(ack, OPTION.routers)).toBe(SERVER);
  expect(world.server.leases()).toEqual([]);
});

test('a client that may be answered at once gets its lease without an offer, if that is on', () => {
  const asking = { options: [[OPTION.rapidCommit, new Uint8Array()] as const] };
  const world = new World({ rapidCommit: true });
  const ack = world.offer(1, asking);
  expect(ack?.message).toMatchObject({ type: 'ack', yiaddr: A });
  expect(ack?.message.options.has(OPTION.rapidCommit)).toBe(true);
  expect(world.disk.get(A)).toMatchObject({ state: 'bound' });
  expect(new World().offer(1, asking)?.message.type).toBe('offer');
});

test('answers go to the new address, or to everybody for a client that asks for that', () => {
  const world = new World();
  expect(world.offer(1)).toMatchObject({
    dst: A,
    dstMac: guestMac(1),
    src: SERVER,
    srcPort: 67,
    dstPort: 68,
  });
  expect(world.offer(2, { broadcast: true })).toMatchObject({ dst: BROADCAST, dstMac: BROADCAST_MAC });
});

describe('machines with the same client identifier', () => {
  test('are two if they are behind different ports', () => {
    const world = new World();
    expect([world.join(1, id(1, 2, 3)), world.join(2, id(1, 2, 3))]).toEqual([A, B]);
    expect(world.renew(1, A, id(1, 2, 3))?.message.type).toBe('ack');
    expect(world.renew(2, B, id(1, 2, 3))?.message.type).toBe('ack');
    // Also when the first one is gone.
    world.release(1, A, id(1, 2, 3));
    expect(world.renew(2, B, id(1, 2, 3))?.message.type).toBe('ack');
    world.restart();
    expect(world.renew(2, B, id(1, 2, 3))?.message.type).toBe('ack');
  });

  test('are one that changed its card if they are behind the same port', () => {
    const world = new World();
    expect(world.join(1, { ...id(1, 2, 3), port: 'p1' })).toBe(A);
    expect(world.join(2, { ...id(1, 2, 3), port: 'p1' })).toBe(A);
  });

  test('are two behind the same port, too, if the first one answers for its address', () => {
    const world = new World();
    const both = { ...id(1, 2, 3), port: 'p1' };
    expect(world.join(1, both)).toBe(A);
    world.squatters.set(A, { mac: guestMac(1), port: 'p1' });
    // A copy of the disk has a copy of the lease: it has to ask anew.
    expect(world.reboot(2, A, both)?.message.type).toBe('nak');
    expect(world.join(2, both)).toBe(B);
    expect(world.events).toEqual([`bound ${dotted(A)} p1`, `bound ${dotted(B)} p1`]);
    for (const [n, address] of [
      [1, A],
      [2, B],
    ])
      expect(world.renew(n, address, both)?.message.type).toBe('ack');
    world.restart();
    expect(world.reboot(2, B, both)?.message.type).toBe('ack');
    expect(world.reboot(1, A, both)?.message.type).toBe('ack');
  });

  test('a client that moves to another port keeps its address', () => {
    const world = new World();
    world.join(1, id(1, 2, 3));
    expect(world.renew(1, A, { ...id(1, 2, 3), port: 'p7' })?.message.type).toBe('ack');
    expect(world.server.leases()).toMatchObject([{ address: A, port: 'p7' }]);
  });

  test('a long one is no burden', () => {
    const world = new World();
    expect(world.join(1, id(...new Array(255).fill(7)))).toBe(A);
    expect(world.server.leases()[0].client.length).toBeLessThan(80);
  });
});

test('a port has so many addresses and no more, whatever it says', () => {
  const world = new World({ leasesPerPort: 3 });
  const offers = Array.from({ length: 10 }, (_, n) => world.offer(n + 1, { port: 'p1' }));
  expect(offers.filter((offer) => offer !== undefined).length).toBe(3);
  expect(world.events).toEqual(['port_full 0.0.0.0 p1']);
  expect(world.join(11, { port: 'p2' })).not.toBe(0);
  // What it declines is its own loss.
  world.pass(40_000);
  const had = [1, 2, 3].map((n) => world.join(n, { port: 'p1' }));
  for (const [i, address] of had.entries()) world.decline(i + 1, address, { port: 'p1' });
  expect(world.offer(4, { port: 'p1' })).toBeUndefined();
  // Nor can it get around that by what it had.
  world.pass(700_000);
  for (const n of [1, 2, 3, 4, 5]) {
    const address = world.join(n, { port: 'p1' });
    world.release(n, address, { port: 'p1' });
  }
  const again = world.server.leases().filter(({ port }) => port === 'p1');
  const acks = again.map(({ address, mac }) =>
    world.reboot(Number.parseInt(mac.slice(-2), 16), address, { port: 'p1' }),
  );
  expect(acks.filter((ack) => ack?.message.type === 'ack').length).toBe(3);
});

test('a port may have a limit of its own', () => {
  const world = new World({ leasesPerPort: 1, leasesOfPort: new Map([['trunk', 3]]) });
  const joined = (port: string, from: number) =>
    [1, 2, 3, 4].filter((n) => world.join(from + n, { port }) !== 0);
  expect([joined('p1', 0).length, joined('trunk', 10).length]).toEqual([1, 3]);
});

test('a port that answers all probes spoils as many addresses as it may have', () => {
  const world = new World({ leasesPerPort: 3 });
  for (let n = 0; n < 100; n++) world.squatters.set(A + n, { mac: guestMac(9), port: 'p9' });
  expect(world.join(1)).toBe(A + 3);
});

describe('relay agents', () => {
  const far = {
    network: ip('10.9.0.0'),
    prefix: 16,
    ranges: [{ first: ip('10.9.1.0'), last: ip('10.9.1.255') }],
    excluded: [],
    options: { routers: [ip('10.9.0.1')] },
  };
  const settings = { subnets: [SUBNET, far], relayPorts: ['up'], leasesPerPort: 1 };
  const relay = guestMac(0x99);
  const info = Uint8Array.of(1, 2, 7, 7);
  const asking = { port: 'up', giaddr: ip('10.9.0.1'), srcMac: relay, options: [[82, info] as const] };

  test('get addresses of their subnet without a probe, and their option back', () => {
    const world = new World(settings);
    const [offer] = world.say('discover', 1, asking);
    expect(offer).toMatchObject({
      port: 'up',
      dst: ip('10.9.0.1'),
      dstMac: relay,
      dstPort: 67,
      message: { yiaddr: ip('10.9.1.0'), giaddr: ip('10.9.0.1') },
    });
    expect(bytes(offer, 82)).toEqual([...info]);
    expect(number(offer, OPTION.subnetMask)).toBe(ip('255.255.0.0'));
    expect(world.join(1, asking)).toBe(ip('10.9.1.0'));
    // More of them than a port of guests may have.
    expect(world.join(2, asking)).toBe(ip('10.9.1.1'));
    // And its own ones have as many as those of another port.
    expect(world.join(7, { port: 'up' })).toBe(A);
    expect(world.join(8, { port: 'up' })).toBe(0);
    const nak = world.renew(3, ip('10.9.1.1'), { ...asking, dst: SERVER });
    expect(nak).toMatchObject({ dst: ip('10.9.0.1'), message: { type: 'nak', broadcast: true } });
    // Renewing goes past the relay agent, through its router.
    expect(world.renew(1, ip('10.9.1.0'), { port: 'up', srcMac: relay })).toMatchObject({
      dst: ip('10.9.1.0'),
      dstMac: relay,
      message: { type: 'ack' },
    });
  });

  test('have clients that are two machines if they have the same identifier', () => {
    const world = new World(settings);
    const clone = { ...asking, ...id(1, 2, 3) };
    expect([world.join(1, clone), world.join(2, clone)]).toEqual([ip('10.9.1.0'), ip('10.9.1.1')]);
  });

  test('name a link that is not their own', () => {
    const world = new World(settings);
    const options = [[82, Uint8Array.of(5, 4, 10, 9, 0, 0)] as const];
    const [offer] = world.say('discover', 1, { ...asking, giaddr: ip('203.0.113.9'), options });
    expect(offer).toMatchObject({ dst: ip('203.0.113.9'), message: { yiaddr: ip('10.9.1.0') } });
  });

  test('of unknown subnets, or behind the port of a guest, are not answered', () => {
    const world = new World(settings);
    expect(world.offer(1, { ...asking, giaddr: ip('10.8.0.1') })).toBeUndefined();
    expect(world.offer(1, { ...asking, port: 'p1', srcMac: guestMac(1) })).toBeUndefined();
    expect(world.server.counters.ignored).toEqual({ unknown_relay: 2 });
  });

  test('and their clients lose nothing to a guest that says it is one of them', () => {
    const world = new World(settings);
    world.join(1, asking);
    expect(world.renew(1, ip('10.9.1.0'), { port: 'p1' })?.message.type).toBe('nak');
    world.release(1, ip('10.9.1.0'), { port: 'p1' });
    expect(world.server.leases()).toMatchObject([{ address: ip('10.9.1.0'), state: 'bound', port: 'up' }]);
  });
});

test('another server on the segment is told of once', () => {
  const world = new World();
  const offer = buildMessage(
    clientMessage({ type: 'offer', isReply: true }, [[54, uint32(ip('192.168.122.2'))]]),
  );
  const way = { srcMac: guestMac(5), dstMac: BROADCAST_MAC, dst: BROADCAST, srcPort: 67, dstPort: 68 };
  for (let n = 0; n < 3; n++) {
    world.hear(buildDhcpFrame({ ...way, src: ip('192.168.122.2') }, offer.bytes), 'p5');
  }
  expect(world.events).toEqual(['other_server 192.168.122.2 p5']);
  for (let n = 0; n < 100; n++) {
    world.hear(buildDhcpFrame({ ...way, srcMac: guestMac(n), src: ip('192.168.122.2') }, offer.bytes), 'p5');
  }
  expect(world.events.length).toBe(16);
});

test('messages to other servers, from nobody, or that only servers send are ignored with a reason', () => {
  const world = new World();
  world.say('discover', 1, { dst: ip('192.168.122.2') });
  world.say('discover', 1, { mac: BROADCAST_MAC, srcMac: guestMac(1) });
  world.say('discover', 1, { mac: { hi: 0, lo: 0 }, srcMac: guestMac(1) });
  world.say('ack', 1);
  world.say('inform', 1);
  world.say('request', 1);
  world.hear(clientFrame(clientMessage({})).subarray(0, 80), 'p1');
  expect(world.server.counters.ignored).toEqual({ not_ours: 1, nonsense: 5, ip_header: 1 });
  expect(world.server.counters.received).toEqual({ discover: 3, ack: 1, inform: 1, request: 1 });
  expect(world.server.deadline()).toBe(Number.POSITIVE_INFINITY);
});

test('a guest that writes another MAC into its request than it has gets nothing, and releases nothing', () => {
  const world = new World();
  world.join(1);
  const asking = { port: 'p1', srcMac: guestMac(2) };
  expect(world.say('discover', 1, asking)).toEqual([]);
  world.release(1, A, asking);
  expect(world.server.leases()).toMatchObject([{ address: A, state: 'bound' }]);
  expect(world.server.counters.ignored).toEqual({ not_sender: 2 });
});

test('an address is taken back by hand', () => {
  const world = new World();
  world.join(1);
  world.take(world.server.end(A, world.now));
  expect(world.disk.get(A)).toMatchObject({ state: 'ended' });
  expect(world.events.at(-1)).toBe(`released ${dotted(A)} p1`);
});

test('leases of addresses that are no longer given end when their client asks again', () => {
  const world = new World();
  world.join(1);
  world.restart({ subnets: [{ ...SUBNET, ranges: [{ first: B, last: B }] }] });
  expect(world.renew(1, A)?.message.type).toBe('nak');
  expect(world.join(1)).toBe(B);
  expect(world.server.leases().map(({ address }) => address)).toEqual([B]);
  world.restart({ subnets: [{ ...SUBNET, network: ip('10.0.0.0'), ranges: [] }] });
  expect(world.server.leases()).toEqual([]);
});

test('the frame of an answer is one that others read', () => {
  const world = new World();
  world.say('discover', 1);
  world.pass(200);
  world.now += 100;
  const [{ frame }] = world.server.tick(world.now).frames;
  expect(parseDhcpFrame(frame)).toMatchObject({ message: { type: 'offer' } });
});
