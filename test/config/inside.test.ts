import { expect, test } from 'vitest';
import { diff } from '../../src/config/diff.ts';
import { parseConfig } from '../../src/config/schema.ts';

const parse = (...ports: object[]) =>
  parseConfig({
    version: 1,
    bridges: {
      br0: { ports: Object.fromEntries(ports.map((port, n) => [`p${n}`, { type: 'tap', ...port }])) },
    },
  });
const problem = (...ports: object[]) => {
  try {
    parse(...ports);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

test('addresses in canonical form, and what does not fit together, with its path', () => {
  const good = { netns: 'c1', ifname: 'eth0', address: ['10.0.0.5/24', 'FD00::0:5/64'] };
  expect(parse({ ...good, gateway: ['10.0.0.1', 'fd00::1'] }).bridges.br0.ports.p0).toMatchObject({
    address: ['10.0.0.5/24', 'fd00::5/64'],
  });
  const at = 'bridges.br0.ports.p0.';
  expect(problem({ ifname: 'eth0' })).toMatch(`${at}ifname: is for an interface in a namespace of its own`);
  expect(problem({ gateway: ['10.0.0.1'] })).toMatch(`${at}gateway: is for an interface`);
  expect(problem({ ...good, ifname: 'a b' })).toMatch(`${at}ifname: "a b" is not an interface name`);
  expect(problem({ ...good, address: ['10.0.0.5'] })).toMatch(
    `${at}address[0]: "10.0.0.5" is not an address with`,
  );
  expect(problem({ ...good, address: ['10.0.0.5/24', '10.0.0.5/24'] })).toMatch(
    '10.0.0.5/24 is listed twice',
  );
  expect(problem({ ...good, gateway: ['10.0.0.1', '10.0.0.2'] })).toMatch('one gateway for IPv4');
  expect(problem({ ...good, gateway: ['10.0.0.5'] })).toMatch('is the address of the interface itself');
  expect(problem({ ...good, gateway: ['10.0.1.1'] })).toMatch('in the subnet of none of the addresses');
  expect(problem({ fd: 3, ...good })).toMatch('belongs to whoever opened the fd');
});

test('an interface of another port of that name there cannot be attached', () => {
  expect(
    problem({ netns: 'c1', ifname: 'eth0' }, { type: 'af_packet', netns: 'c1', interface: 'eth0' }),
  ).toMatch('eth0 is port p0 of this switch');
  expect(
    problem({ netns: 'c1', ifname: 'eth0' }, { type: 'af_packet', netns: 'c2', interface: 'eth0' }),
  ).toBe('');
  expect(problem({ netns: 'c1', ifname: 'eth0' }, { netns: 'c1', ifname: 'eth0' })).toMatch(
    'bridges.br0.ports.p1.ifname: port p0 has the interface eth0 in c1',
  );
});

test('addresses and gateways change in place, another name is another interface', () => {
  const before = { netns: 'c1', ifname: 'eth0', address: ['10.0.0.5/24'] };
  const ops = (after: object) => diff(parse(before), parse(after)).map(({ op }) => op);
  expect(ops({ ...before, address: ['10.0.0.6/24'], gateway: ['10.0.0.1'] })).toEqual(['set']);
  expect(ops({ ...before, ifname: 'eth1' })).toEqual(['delete', 'add']);
});
