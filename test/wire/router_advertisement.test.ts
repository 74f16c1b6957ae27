import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type IpBytes, parseIp } from '../../src/wire/ip_address.ts';
import { type IpPrefix, parsePrefix } from '../../src/wire/ip_prefix.ts';
import { buildIpv6Frame, multicastMac } from '../../src/wire/ipv6_frame.ts';
import { parseAdvertisement } from '../../src/wire/router_advertisement.ts';
import { type Advertisement, advertisementFrame } from '../../src/wire/router_discovery.ts';

const ip = (text: string) => parseIp(text) as IpBytes;
const prefix = (text: string) => parsePrefix(text) as IpPrefix;
const SAID: Advertisement = {
  mac: { hi: 0x0200, lo: 7 },
  source: ip('fe80::1'),
  routerLifetime: 1800,
  managed: false,
  other: false,
  prefixes: [prefix('2001:db8:1::/64'), prefix('2001:db8:2::/80')],
  autonomous: true,
  validLifetime: 86_400,
  preferredLifetime: 14_400,
  mtu: 1500,
  resolvers: [ip('2001:db8:1::53')],
  search: [],
  dnsLifetime: 1800,
};

function raw(source: string, message: readonly number[], hopLimit = 255): Uint8Array {
  const dst = ip('ff02::1');
  const way = { srcMac: SAID.mac, dstMac: multicastMac(dst), src: ip(source), dst };
  return buildIpv6Frame(way, 58, hopLimit, Uint8Array.from(message));
}
const head = (flags = 0) => [134, 0, 0, 0, 64, flags, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];

test('what our own routers say is read', () => {
  expect(parseAdvertisement(advertisementFrame(SAID))).toEqual({
    source: ip('fe80::1'),
    lifetime: 1800,
    preference: 0,
    // Of 80 bits it is on the link, and leaves no room for an address.
    prefixes: [{ prefix: ip('2001:db8:1::'), bits: 64, valid: 86_400, preferred: 14_400 }],
    resolvers: [ip('2001:db8:1::53')],
  });
});

test('preferences, and resolvers that are taken back', () => {
  const preferences = [0x08, 0x18, 0x10, 0].map((flags) => parseAdvertisement(raw('fe80::1', head(flags))));
  expect(preferences.map((one) => one?.preference)).toEqual([1, -1, 0, 0]);
  expect(parseAdvertisement(advertisementFrame({ ...SAID, dnsLifetime: 0 }))?.resolvers).toEqual([]);
});

test.each([
  ['was routed', raw('fe80::1', head(), 254)],
  ['is from no link-local address', raw('2001:db8::1', head())],
  ['is cut', raw('fe80::1', head().slice(0, 12))],
  ['has an option without length', raw('fe80::1', [...head(), 1, 0, 0, 0, 0, 0, 0, 0])],
  ['has an option that is cut', raw('fe80::1', [...head(), 3, 4, 0, 0, 0, 0, 0, 0])],
  ['is a solicitation', raw('fe80::1', [133, ...head().slice(1)])],
])('what %s is not heard', (_, frame) => {
  expect(parseAdvertisement(frame)).toBeUndefined();
});

test.each([
  ['preferred for longer than valid', { validLifetime: 10, preferredLifetime: 20 }],
  ['link-local', { prefixes: [prefix('fe80::/64')] }],
  ['of groups', { prefixes: [prefix('ff0e::/64')] }],
  ['without the A flag', { autonomous: false }],
])('a prefix that is %s is none', (_, more) => {
  expect(parseAdvertisement(advertisementFrame({ ...SAID, ...more }))?.prefixes).toEqual([]);
});

test('nothing makes it throw', () => {
  const frame = advertisementFrame(SAID);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseAdvertisement(raw('fe80::1', [...head(), ...bytes]));
    }),
    { numRuns: 2000 },
  );
  for (let length = 0; length < frame.length; length++) parseAdvertisement(frame.slice(0, length));
});
