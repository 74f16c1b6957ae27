import { beforeEach, expect, test } from 'vitest';
import { Autoconf } from '../../../src/protocol/autoconf/autoconf.ts';
import { formatIp, type IpBytes, parseIp } from '../../../src/wire/ip_address.ts';
import { type IpPrefix, parsePrefix } from '../../../src/wire/ip_prefix.ts';
import {
  type Advertisement,
  advertisementFrame,
  isSolicitation,
} from '../../../src/wire/router_discovery.ts';

const ip = (text: string) => parseIp(text) as IpBytes;
const MAC = { hi: 0x0200, lo: 1 };
const S = 1000;
let said: string[] = [];
let host: Autoconf;

beforeEach(() => {
  said = [];
  host = new Autoconf(MAC, ip('fe80::7'), {
    send: (frame) => said.push(isSolicitation(frame) ? 'ask' : 'other'),
    changed: ({ address, router, resolvers }) =>
      said.push([address, router, ...resolvers].map((one) => (one ? formatIp(one) : '-')).join(' ')),
    random: () => 0.5,
  });
});

interface Said extends Partial<Advertisement> {
  from?: string;
  prefix?: string;
}

/** A router says something. */
function hear(now: number, { from = 'fe80::1', prefix = '2001:db8:1::/64', ...more }: Said = {}): string[] {
  const frame = advertisementFrame({
    mac: { hi: 0x0200, lo: 9 },
    source: ip(from),
    routerLifetime: 1800,
    managed: false,
    other: false,
    prefixes: prefix === '' ? [] : [parsePrefix(prefix) as IpPrefix],
    autonomous: true,
    validLifetime: 86_400,
    preferredLifetime: 14_400,
    mtu: undefined,
    resolvers: [],
    search: [],
    dnsLifetime: 1800,
    ...more,
  });
  host.received(frame, now);
  return said.splice(0);
}

/** Until then; what is said, with its time in seconds. */
function run(end: number): string[] {
  const heard: string[] = [];
  for (let turns = 0; host.deadline <= end && turns < 1000; turns++) {
    const now = host.deadline;
    host.tick(now);
    heard.push(...said.splice(0).map((what) => `${now / S} ${what}`));
  }
  return heard;
}

test('it asks, less and less often, until a router answers', () => {
  host.start(0);
  expect(run(40 * S)).toEqual(['0.5 ask', '4.5 ask', '12.5 ask', '28.5 ask']);
  expect(hear(41 * S)).toEqual(['2001:db8:1::7 fe80::1']);
  expect(run(1000 * S)).toEqual([]);
  expect(hear(1000 * S)).toEqual([]);
});

test('a router that tells of itself no longer is asked for again', () => {
  hear(0);
  expect(run(1801 * S)).toEqual(['1800 2001:db8:1::7 -', '1800.5 ask']);
  expect(hear(1802 * S)).toEqual(['2001:db8:1::7 fe80::1']);
  expect(hear(1803 * S, { routerLifetime: 0 })).toEqual(['2001:db8:1::7 -']);
});

test('an address is over when its prefix is, and nobody makes that sooner than in two hours', () => {
  hear(0);
  hear(1 * S, { validLifetime: 0, preferredLifetime: 0 });
  const heard = run(8000 * S).filter((what) => !what.endsWith('ask'));
  expect(heard).toEqual(['1801 2001:db8:1::7 -', '7201 - -']);
});

test('a prefix that is preferred no longer gives way to another', () => {
  hear(0);
  expect(hear(1 * S, { prefix: '2001:db8:2::/64' })).toEqual([]);
  expect(hear(2 * S, { preferredLifetime: 0 })).toEqual(['2001:db8:2::7 fe80::1']);
  expect(hear(3 * S)).toEqual([]);
});

test('the router that is preferred is the way out, and one stays as long as none is better', () => {
  hear(0);
  expect(hear(1 * S, { from: 'fe80::2' })).toEqual([]);
  expect(hear(2 * S, { from: 'fe80::1', routerLifetime: 0 })).toEqual(['2001:db8:1::7 fe80::2']);
  expect(hear(3 * S, { from: 'fe80::1' })).toEqual([]);
});

test('resolvers are those of the router', () => {
  expect(hear(0, { resolvers: [ip('2001:db8::53')] })).toEqual(['2001:db8:1::7 fe80::1 2001:db8::53']);
  expect(hear(S, { resolvers: [] })).toEqual(['2001:db8:1::7 fe80::1']);
});

test('a stranger cannot add without end, or make it ask for ever', () => {
  for (let n = 0; n < 1000; n++)
    hear(n, { from: `fe80::${(n + 1).toString(16)}`, prefix: `2001:db8:${n.toString(16)}::/64` });
  expect(host.learned.address && formatIp(host.learned.address)).toBe('2001:db8::7');
  // All others are over with the first four.
  expect(run(100_000 * S).length).toBeLessThan(60);
  expect(host.learned).toEqual({ address: undefined, router: undefined, resolvers: [] });
});

test('who comes and goes all the time changes things once a second', () => {
  const changes: string[] = [];
  for (let now = 0; now < 10 * S; now += 10) {
    if (host.deadline <= now) host.tick(now);
    changes.push(...hear(now, { routerLifetime: now % 20 === 0 ? 1800 : 0 }));
  }
  expect(changes.filter((what) => what !== 'ask').length).toBeLessThanOrEqual(10);
  // What counts is how it is in the end.
  hear(10 * S, { routerLifetime: 1800 });
  run(12 * S);
  expect(host.learned.router && formatIp(host.learned.router)).toBe('fe80::1');
});

test('for ever is for ever', () => {
  hear(0, { validLifetime: 0xffff_ffff, preferredLifetime: 0xffff_ffff });
  expect(run(1e9).filter((what) => what.includes(' - '))).toEqual([]);
  expect(formatIp(host.learned.address as IpBytes)).toBe('2001:db8:1::7');
});
