// What an interface of a router may advertise.

import { expect, test } from 'vitest';
import { validate } from '../../src/config/schema.ts';

const WEB = { bridge: 'lan', address: ['10.0.1.1/24', 'fd00:1::1/64'] };

function problemsOf(web: object, network?: object): string[] {
  const bridges = { lan: network === undefined ? {} : { local: false, network } };
  const routers = { r1: { interfaces: { web: { ...WEB, ...web } } } };
  return validate({ version: 1, bridges, routers }).problems.map(
    ({ path, message }) => `${path.slice(4).join('.')}: ${message}`,
  );
}

test.each([
  true,
  false,
  { lifetime: 0, managed: true, other: true, autonomous: false, dns: ['fd00:1::1'], search: ['lab'] },
  { prefixes: ['fd00:1::/64'], mtu: 1280, valid_lifetime: 4_294_967_295, preferred_lifetime: 4_294_967_295 },
  { prefixes: [] },
])('advertise: %j is fine', (advertise) => {
  expect(problemsOf({ advertise })).toEqual([]);
});

test.each([
  [{ advertise: 'yes' }, /advertise: "yes" is not true, false or a mapping/],
  [{ advertise: { lifetime: 60 } }, /lifetime: 60 is not a lifetime: 0, or 600-9000 seconds/],
  [{ advertise: { prefixes: ['fd00:2::/64'] } }, /prefixes.0: fd00:2::\/64 is no subnet of this interface/],
  [{ advertise: { preferred_lifetime: 90_000 } }, /not preferred for longer than it is valid/],
  [{ advertise: { dns: ['10.0.0.1'] } }, /dns.0: "10.0.0.1" is not the IPv6 address of a host/],
  [{ advertise: { mtu: 1000 } }, /mtu: 1000 is not an MTU/],
  [{ address: ['10.0.1.1/24'], advertise: true }, /give the interface an IPv6 address/],
  [
    {
      address: Array.from({ length: 9 }, (_, n) => `fd00:${n + 1}::1/64`),
      advertise: true,
    },
    /advertise: 9 subnets do not fit/,
  ],
])('%j is refused', (web, message) => {
  const problems = problemsOf(web);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(message);
});

test('a network that advertises by itself needs no second router', () => {
  const network = { mode: 'isolated', subnet: ['10.9.0.0/24', 'fd00:9::/64'] };
  const web = { address: ['10.9.0.1/24', 'fd00:9::1/64'], advertise: true };
  expect(problemsOf(web, network)).toEqual([
    'advertise: the network of bridge lan advertises already: set its ra to false, or remove this key',
  ]);
  expect(problemsOf(web, { ...network, ra: false })).toEqual([]);
});
