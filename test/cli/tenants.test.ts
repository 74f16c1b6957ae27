import { expect, test } from 'vitest';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({ version: 1, bridges: { br0: {} } });

const acme = {
  name: 'acme',
  ports: ['p1', 'p2'],
  groups: ['web'],
  networks: ['br0.10'],
  used: { ports: 2, addresses: 3, rules: 4, connections: 1500 },
  quotas: { ports: 5, bandwidth: '1gbit', shape: '2gbit' },
  dropped: { in: 7, out: 1 },
};

test('tenants are a table, the quotas of one, or JSON', async () => {
  cli.api.tenantStates = [acme];
  const lines = async (...args: string[]) =>
    (await cli.run(...args)).out.split('\n').map((line) => line.trimEnd());
  expect(await lines('tenant', 'list')).toEqual([
    'TENANT  PORTS  ADDRESSES  RULES  CONNECTIONS  BANDWIDTH  SHAPE  DROPPED  GROUPS  NETWORKS',
    'acme      2/5          3      4        1.50k  1gbit      2gbit        8  web     br0.10',
    '',
  ]);
  expect(await lines('tenant', 'show', 'acme')).toEqual([
    'QUOTA             USED  LIMIT',
    'ports                2      5',
    'addresses            3',
    'rules                4',
    'connections       1500',
    'bandwidth    8 dropped  1gbit',
    'shape                   2gbit',
    '',
  ]);
  expect(JSON.parse((await cli.run('tenant', 'list', '--json')).out)).toEqual([acme]);
});

test('a tenant that is not there is said so', async () => {
  cli.api.tenantStates = [];
  expect((await cli.run('tenant', 'show', 'nobody')).error).toContain('There is no tenant nobody');
  expect((await cli.run('tenant', 'list')).out).toContain('no tenants');
});
