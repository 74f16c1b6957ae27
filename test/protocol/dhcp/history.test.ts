// Random histories of clients, with restarts and lost messages: no address is ever given to two.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DhcpServer } from '../../../src/protocol/dhcp/server.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { uint32 } from '../../../src/wire/dhcp4/values.ts';
import { clientFrame, clientMessage, guestMac } from '../../wire/dhcp4/messages.ts';
import { type Answer, type Asking, dotted, ip, number, SETTINGS, SUBNET, World } from './world.ts';

const FIRST = ip('192.168.122.100');
const GUESTS = 6;
const HOSTS = [{ mac: '02:00:00:00:00:01', address: FIRST }];

/** What clients know: who was promised which address until when. */
class Promises {
  private readonly held = new Map<number, { n: number; until: number }>();

  take(n: number, answer: Answer | undefined, now: number): void {
    if (answer?.message.type === 'nak') for (const [address] of this.of(n)) this.held.delete(address);
    if (answer?.message.type !== 'ack') return;
    const { yiaddr } = answer.message;
    const other = this.held.get(yiaddr);
    if (other !== undefined && other.n !== n && other.until > now) {
      throw new Error(`${dotted(yiaddr)} is ${other.n}'s, and was given to ${n}`);
    }
    this.held.set(yiaddr, { n, until: now + 1000 * (number(answer, OPTION.leaseTime) ?? 0) });
  }

  of(n: number): [address: number, until: number][] {
    return [...this.held]
      .filter(([, holder]) => holder.n === n)
      .map(([address, { until }]) => [address, until]);
  }

  giveUp(address: number): void {
    this.held.delete(address);
  }

  /** The clock of a server that was restarted begins anew. */
  shift(by: number): void {
    for (const holder of this.held.values()) holder.until += by;
  }
}

const step = fc.record({
  what: fc.constantFrom(
    ...([
      'join',
      'discover',
      'select',
      'renew',
      'reboot',
      'release',
      'decline',
      'other',
      'pass',
      'restart',
    ] as const),
  ),
  n: fc.integer({ min: 1, max: GUESTS }),
  address: fc.integer({ min: FIRST - 1, max: FIRST + 4 }),
  port: fc.integer({ min: 1, max: 3 }),
  hasId: fc.boolean(),
  ms: fc.constantFrom(0, 50, 260, 31_000, 1_900_000, 3_600_001),
  isSquatted: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(steps: Step[]): void {
  const world = new World({
    subnets: [{ ...SUBNET, ranges: [{ first: FIRST, last: FIRST + 3 }] }],
    hosts: HOSTS,
    leasesPerPort: 3,
  });
  const promises = new Promises();
  const offered = new Map<number, number>();
  for (const { what, n, address, port, hasId, ms, isSquatted } of steps) {
    // A guest stays where it is; those with an identifier are others, two of which share theirs.
    const who = hasId ? n + GUESTS : n;
    const asking: Asking = {
      port: hasId ? `p${who}` : `p${port}`,
      options: hasId ? [[OPTION.clientId, Uint8Array.of(0, n >> 1)]] : [],
    };
    const wish: Asking = {
      ...asking,
      options: [...(asking.options ?? []), [OPTION.requestedAddress, uint32(address)]],
    };
    if (isSquatted) world.squatters.set(address, { mac: guestMac(99), port: 'p9' });
    else world.squatters.delete(address);
    const take = (answer: Answer | undefined) => promises.take(who, answer, world.now);
    const keep = (answer: Answer | undefined) => {
      if (answer?.message.type === 'offer') offered.set(who, answer.message.yiaddr);
    };
    if (what === 'join') {
      keep(world.offer(who, isSquatted ? asking : wish));
      take(world.select(who, offered.get(who) ?? address, asking));
    } else if (what === 'discover') for (const answer of world.say('discover', who, asking)) keep(answer);
    else if (what === 'select') take(world.select(who, offered.get(who) ?? address, asking));
    else if (what === 'renew') take(world.renew(who, promises.of(who)[0]?.[0] ?? address, asking));
    else if (what === 'reboot') take(world.reboot(who, promises.of(who)[0]?.[0] ?? address, asking));
    else if (what === 'other') world.select(who, address, asking, ip('192.168.122.2'));
    else if (what === 'release' || what === 'decline') {
      const own = promises.of(who)[0]?.[0];
      world[what](who, own ?? address, asking);
      if (own !== undefined) promises.giveUp(own);
    } else if (what === 'restart') {
      const before = world.now;
      world.restart();
      promises.shift(world.now - before);
    } else for (const answer of world.pass(ms)) keep(answer);
  }
  const addresses = world.server.leases().map((lease) => lease.address);
  expect(new Set(addresses).size).toBe(addresses.length);
  for (const address of addresses) expect(address >= FIRST && address <= FIRST + 3).toBe(true);
}

test('no history of clients gives one address to two', () => {
  fc.assert(fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), run), { numRuns: 400 });
});

test('whatever comes, the server does not throw, and does not remember more than ports may have', () => {
  const server = new DhcpServer({ ...SETTINGS, probe: false, leasesPerPort: 5 }, [], 0);
  const whole = clientFrame(
    clientMessage({}, [
      [OPTION.clientId, Uint8Array.of(1, 2, 3)],
      [OPTION.requestedAddress, Uint8Array.of(192, 168, 122, 110)],
      [OPTION.hostName, Uint8Array.of(65)],
      [OPTION.parameters, Uint8Array.of(1, 3, 6, 121)],
    ]),
  );
  // Without a checksum, so that changes are not found out.
  whole.fill(0, 40, 42);
  const change = fc.tuple(fc.integer({ min: 42, max: whole.length }), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), fc.integer({ min: 1, max: 8 }), (changes, type) => {
      const copy = whole.slice();
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      if (changes.length % 2 === 0) copy[284] = type;
      server.received({ port: 'p1', vlan: 0, tag: 0, bytes: copy, at: 0 });
    }),
    { numRuns: 5000 },
  );
  expect(server.leases().filter(({ state }) => state !== 'ended').length).toBeLessThanOrEqual(5);
});
