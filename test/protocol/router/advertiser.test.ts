import { expect, test } from 'vitest';
import { type Advertised, Advertiser, LIFETIMES } from '../../../src/protocol/router/advertiser.ts';
import { type IpBytes, parseIp } from '../../../src/wire/ip_address.ts';
import { type IpPrefix, parsePrefix } from '../../../src/wire/ip_prefix.ts';
import { buildIpv6Frame, multicastMac, parseIpv6Frame } from '../../../src/wire/ipv6_frame.ts';

const ip = (text: string) => parseIp(text) as IpBytes;
const SAID: Advertised = {
  mac: { hi: 0x0200, lo: 1 },
  source: ip('fe80::1'),
  ...LIFETIMES,
  managed: false,
  other: true,
  prefixes: [parsePrefix('fd00::/64') as IpPrefix],
  autonomous: true,
  resolvers: [],
  search: [],
};
const HALF = () => 0.5;

function ask(src: string, n = 7): Uint8Array {
  const dst = ip('ff02::2');
  const way = { srcMac: { hi: 0x0200, lo: n }, dstMac: multicastMac(dst), src: ip(src), dst };
  return buildIpv6Frame(way, 58, 255, Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0));
}

/** All that is said until `end`: when, to whom, through which port, and the lifetime of the router. */
function run(advertiser: Advertiser, end: number): string[] {
  const said: string[] = [];
  while (advertiser.deadline() <= end) {
    const now = advertiser.deadline();
    for (const { port = 'all', frame } of advertiser.tick(now).frames) {
      const packet = parseIpv6Frame(frame);
      if (typeof packet === 'string') throw new Error(packet);
      const to = packet.dst[0] === 0xff ? 'group' : 'host';
      said.push(`${now} ${port} ${to} ${packet.view.getUint16(packet.at + 6)}`);
    }
  }
  return said;
}

test('three times soon, then every some minutes', () => {
  const advertiser = new Advertiser(SAID, () => 1500, HALF);
  expect(run(advertiser, 900_000)).toEqual([
    '0 all group 1800',
    '16000 all group 1800',
    '32000 all group 1800',
    '431000 all group 1800',
    '830000 all group 1800',
  ]);
});

test('who asks is answered within half a second, through its port alone', () => {
  const advertiser = new Advertiser(SAID, () => 1500, HALF);
  run(advertiser, 100_000);
  advertiser.solicited(ask('fe80::7'), 'vm1', 100_000);
  expect(run(advertiser, 101_000)).toEqual(['100250 vm1 host 1800']);
  advertiser.solicited(ask('::'), 'vm1', 110_000);
  expect(run(advertiser, 111_000)).toEqual(['110250 vm1 group 1800']);
});

test('whoever asks without end is told no more often for it', () => {
  const advertiser = new Advertiser(SAID, () => 1500, HALF);
  run(advertiser, 100_000);
  const said: string[] = [];
  for (let now = 100_000; now < 110_000; now += 10) {
    advertiser.solicited(ask('::', now & 0xff), 'vm1', now);
    advertiser.solicited(ask('fe80::7', now & 0xff), 'vm2', now);
    said.push(...run(advertiser, now));
  }
  expect(said.filter((line) => line.includes('vm1'))).toHaveLength(4);
  expect(said.filter((line) => line.includes('vm2')).length).toBeLessThan(21);
});

test('other settings are said at once, but not twice in three seconds', () => {
  const advertiser = new Advertiser(SAID, () => 1500, HALF);
  run(advertiser, 100_000);
  advertiser.configure({ ...SAID, routerLifetime: 0 }, 100_000);
  expect(run(advertiser, 101_000)).toEqual(['100000 all group 0']);
  advertiser.configure(SAID, 101_000);
  expect(run(advertiser, 104_000)).toEqual(['103000 all group 1800']);
  advertiser.configure(SAID, 104_000);
  expect(run(advertiser, 105_000)).toEqual([]);
});

test('in the end nothing of it holds', () => {
  const packet = parseIpv6Frame(
    new Advertiser({ ...SAID, resolvers: [ip('fd00::1')] }, () => undefined).withdraw(),
  );
  if (typeof packet === 'string') throw new Error(packet);
  const { view, at } = packet;
  expect(view.getUint16(at + 6)).toBe(0);
  expect(view.getUint32(at + 24 + 4)).toBe(7200);
  expect(view.getUint32(at + 24 + 8)).toBe(0);
  expect(view.getUint32(at + 56 + 4)).toBe(0);
});
