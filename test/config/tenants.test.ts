import { expect, test } from 'vitest';
import { diff } from '../../src/config/diff.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { formatConfig, loadConfig } from '../../src/config/yaml.ts';

const ports = (count: number, keys: object = {}) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`p${n}`, { type: 'memory', tenant: 'acme', ...keys }]),
  );
const config = (acme: object, bridge: object, groups: object = {}) => ({
  version: 1,
  bridges: { br0: bridge },
  groups,
  tenants: { acme },
});

function problems(input: unknown): string {
  try {
    parseConfig(input);
    return '';
  } catch (error) {
    return String(error);
  }
}

test('names of tenants are those of the configuration', () => {
  const network = { mode: 'isolated', subnet: '10.0.0.0/24', tenant: 'acm' };
  const text = problems(
    config({}, { network, ports: { p1: { type: 'memory', tenant: 'acmee' } } }, { web: { tenant: 'x' } }),
  );
  expect(text).toContain('bridges.br0.ports.p1.tenant: there is no tenant acmee, did you mean acme?');
  expect(text).toContain('bridges.br0.network.tenant: there is no tenant acm, did you mean acme?');
  expect(text).toContain('groups.web.tenant: there is no tenant x: add it to tenants');
});

const rules = { tenant: 'acme', in: [{ protocol: 'tcp', ports: 80, from: 'any' }], out: 'any' };
test.each([
  [{ ports: 1 }, { ports: ports(2) }, {}, 'tenants.acme.ports: it has 2 ports, and its quota is 1'],
  [{ rules: 1 }, {}, { web: rules }, 'tenants.acme.rules: its groups have 2 rules, and its quota is 1'],
  [
    { addresses: 7 },
    {
      ports: {
        ...ports(2, { fdb_limit: 3 }),
        q: { type: 'memory', tenant: 'acme' },
        r: { type: 'memory', tenant: 'acme' },
      },
    },
    {},
    'tenants.acme.addresses: the fdb_limit of its ports is 6 together, 2 have none, and its quota is 7',
  ],
  [
    { connections: 1 },
    { ports: ports(2, { groups: ['web'] }) },
    { web: rules },
    'tenants.acme.connections: it has 2 ports in groups, and its quota is 1',
  ],
])('%j is a quota', (acme, bridge, groups, message) => {
  expect(problems(config(acme, bridge, groups))).toContain(message);
  const enough = Object.fromEntries(Object.keys(acme).map((key) => [key, 8]));
  expect(problems(config(enough, bridge, groups))).toBe('');
});

test('a tenant is shaped where its ports are', () => {
  const shape = { shape: '20mbit' };
  expect(problems(config(shape, { ports: { ...ports(1), q: { type: 'memory' } } }))).toContain(
    'tenants.acme.shape: p0 of br0 has no queues in which frames wait for it: give it qos.shape, 20mbit for instance',
  );
  expect(problems(config(shape, { ports: ports(1, { qos: shape }) }))).toBe('');
});

test('a listening socket counts as many ports as it may have guests', () => {
  const socket = { type: 'stream', path: '/run/x.sock', max_guests: 5, template: {}, tenant: 'acme' };
  expect(problems(config({ ports: 4 }, { ports: { p1: socket } }))).toContain('it has 5 ports');
});

test('tenants are changed, and written as they are read', () => {
  const before = parseConfig(config({ ports: 2 }, { ports: ports(1) }));
  const after = parseConfig(config({ ports: 3, bandwidth: '1gbit' }, { ports: ports(1) }));
  expect(diff(before, after)).toMatchObject([{ op: 'set', kind: 'tenant', path: 'tenants.acme' }]);
  expect(loadConfig(formatConfig(after), 'f')).toEqual(after);
});
