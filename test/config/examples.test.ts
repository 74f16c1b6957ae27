import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configShape } from '../../src/config/shape.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const examples = readdirSync(new URL('examples/', root)).filter((name) => name.endsWith('.yaml'));
// The page of each type of port belongs to the reference, and so do those of port controls, multicast, service tags and routers.
const pages = [
  'docs/configuration.md',
  'docs/port-controls.md',
  'docs/private-vlans.md',
  'docs/multicast.md',
  'docs/networks.md',
  'docs/networks-dns.md',
  'docs/networks-ipv6.md',
  'docs/dhcp.md',
  'docs/qinq.md',
  'docs/routers.md',
  'docs/nat.md',
  'docs/hooks.md',
  'docs/qos.md',
  'docs/guards.md',
  'docs/groups.md',
  'docs/tenants.md',
  'docs/acls.md',
  ...readdirSync(new URL('docs/ports/', root)).map((name) => `docs/ports/${name}`),
];
const reference = pages.map(read).join('\n');

test.each(examples)('examples/%s is valid', (name) => {
  loadConfig(read(`examples/${name}`), name);
});

test('the quickstart has the two hosts that npm start makes', () => {
  const { taploom0 } = loadConfig(read('examples/quickstart.yaml'), 'quickstart.yaml').bridges;
  expect(taploom0.ports).toMatchObject({ h1: { netns: 'taploom-h1' }, h2: { netns: 'taploom-h2' } });
});

test('every example in the reference is valid', () => {
  const blocks = [...reference.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);
  expect(blocks.length).toBeGreaterThan(2);
  for (const text of blocks) loadConfig(text, 'reference');
});

test('the reference explains every key, and every default of a number', () => {
  const keys = new Set<string>();
  const visit = (schema: unknown) => {
    if (typeof schema !== 'object' || schema === null) return;
    if ('properties' in schema) for (const key of Object.keys(schema.properties as object)) keys.add(key);
    for (const value of Object.values(schema)) visit(value);
  };
  visit(z.toJSONSchema(configShape, { io: 'input', unrepresentable: 'any' }));
  expect(keys.size).toBeGreaterThan(40);
  for (const key of keys) expect(reference, key).toMatch(new RegExp(`\`${key}\`|\\{ ${key}: |, ${key}: `));
});

test('the errors in the reference are the errors that come', () => {
  const shown = /\$ taploom apply switch\.yaml\n(.*?)```/s.exec(reference)?.[1];
  const text = `version: 1
bridges:
  br0:
    ports:
      vm1:
        type: tap
        vlan:
          access: 5000
      vx42: { type: vxlan,
             local: 192.0.2.1 }
      vm2:
        type: tap
    ageing: 5
  br1: { ports: { vm1: { type: tap } } }
`;
  expect(() => loadConfig(text, 'switch.yaml')).toThrow(
    expect.objectContaining({ message: shown?.trimEnd() }),
  );
});
