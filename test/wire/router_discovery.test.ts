import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type IpBytes, parseIp } from '../../src/wire/ip_address.ts';
import { type IpPrefix, parsePrefix } from '../../src/wire/ip_prefix.ts';
import { buildIpv6Frame, multicastMac, parseIpv6Frame } from '../../src/wire/ipv6_frame.ts';
import {
  type Advertisement,
  advertisementFrame,
  isAdvertisement,
  parseSolicitation,
} from '../../src/wire/router_discovery.ts';

const ip = (text: string) => parseIp(text) as IpBytes;
const MAC = { hi: 0x0200, lo: 7 };
const ALL_ROUTERS = ip('ff02::2');

function solicitation(src: string, options: number[] = [1, 1, 2, 0, 0, 0, 0, 7], hopLimit = 255): Uint8Array {
  const way = { srcMac: MAC, dstMac: multicastMac(ALL_ROUTERS), src: ip(src), dst: ALL_ROUTERS };
  return buildIpv6Frame(way, 58, hopLimit, Uint8Array.from([133, 0, 0, 0, 0, 0, 0, 0, ...options]));
}

const SAID: Advertisement = {
  mac: MAC,
  source: ip('fe80::1'),
  routerLifetime: 1800,
  managed: true,
  other: true,
  prefixes: [parsePrefix('fd00:122::/64') as IpPrefix],
  autonomous: false,
  validLifetime: 86_400,
  preferredLifetime: 14_400,
  mtu: 1450,
  resolvers: [ip('fd00:122::1')],
  search: ['lab.example'],
  dnsLifetime: 1800,
};

test('a host asks, with an address or without', () => {
  expect(parseSolicitation(solicitation('fe80::7'))).toEqual({ mac: MAC, source: ip('fe80::7') });
  expect(parseSolicitation(solicitation('::', []))).toEqual({ mac: MAC, source: undefined });
});

test.each([
  ['was routed', solicitation('fe80::7', [], 254)],
  ['has an option without length', solicitation('fe80::7', [1, 0, 0, 0, 0, 0, 0, 0])],
  ['has an option that is cut', solicitation('fe80::7', [1, 2, 0, 0, 0, 0, 0, 0])],
  ['says its MAC address without an address', solicitation('::')],
  ['is an advertisement', advertisementFrame(SAID)],
])('who %s is not heard', (_, frame) => {
  expect(parseSolicitation(frame)).toBeUndefined();
});

test('an advertisement, byte for byte', () => {
  const frame = advertisementFrame(SAID);
  expect(isAdvertisement(frame)).toBe(true);
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string') throw new Error(packet);
  expect(packet).toMatchObject({
    hopLimit: 255,
    src: ip('fe80::1'),
    dst: ip('ff02::1'),
    dstMac: { hi: 0x3333, lo: 1 },
  });
  const message = Buffer.from(frame.subarray(packet.at, packet.end)).toString('hex');
  expect(message.slice(0, 4) + message.slice(8)).toBe(
    [
      '8600 40c00708 00000000 00000000',
      '0101 020000000007',
      '0304 4080 00015180 00003840 00000000 fd000122000000000000000000000000',
      '0501 0000 000005aa',
      '1903 0000 00000708 fd000122000000000000000000000001',
      '1f03 0000 00000708 036c6162076578616d706c6500 000000',
    ]
      .join('')
      .replaceAll(' ', ''),
  );
});

test('an MTU that IPv6 does not have is not said', () => {
  const length = advertisementFrame({ ...SAID, mtu: 1279 }).length;
  expect(length).toBe(advertisementFrame({ ...SAID, mtu: undefined }).length);
  expect(length).toBe(advertisementFrame(SAID).length - 8);
});

test('nothing makes the parsers throw', () => {
  const frame = solicitation('fe80::7');
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.nat(255), fc.nat(frame.length), (at, value, length) => {
      const changed = frame.slice(0, length);
      if (at < length) changed[at] = value;
      parseSolicitation(changed);
      isAdvertisement(changed);
    }),
    { numRuns: 2000 },
  );
});
