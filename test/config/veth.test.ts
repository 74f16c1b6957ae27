import { expect, test } from 'vitest';
import { diff } from '../../src/config/diff.ts';
import { formatConfig } from '../../src/config/format_config.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const config = (ports: Record<string, object>) => ({ version: 1, bridges: { b: { ports } } });
const problems = (ports: Record<string, object>) =>
  validate(config(ports)).problems.map(({ path, message }) => `${path.slice(3).join('.')}: ${message}`);
const web = (more: object = {}) => ({ type: 'veth', netns: 'h1', ifname: 'eth0', ...more });

test('a pair has a namespace, and interfaces that nobody else has, at both ends', () => {
  expect(problems({ web: web({ address: ['10.0.0.5/24'], gateway: ['10.0.0.1'] }) })).toEqual([]);
  expect(problems({ web: { type: 'veth' } })[0]).toMatch(
    /^web\.netns: missing, expected a network namespace/,
  );
  expect(problems({ web: web({ gateway: ['10.0.0.1'] }) })[0]).toContain('is in the subnet of none');
  expect(problems({ web: web(), db: web() })).toEqual(['db.ifname: port web has the interface eth0 in h1']);
  expect(problems({ web: web(), tap: { type: 'tap', netns: 'h1', ifname: 'eth0' } })).toEqual([
    'tap.ifname: port web has the interface eth0 in h1',
  ]);
  expect(problems({ web: web(), a: { type: 'af_packet', interface: 'web' } })).toEqual([
    'a.interface: web is port web of this switch',
  ]);
  expect(problems({ web: web(), a: { type: 'af_packet', interface: 'eth0', netns: 'h1' } })).toEqual([
    'a.interface: eth0 is port web of this switch',
  ]);
});

test('it stays unless told otherwise, and what is written reads the same', () => {
  const parsed = parseConfig(config({ web: web(), db: web({ ifname: 'db', persist: false }) }));
  const text = formatConfig(parsed);
  expect(text).toContain('web: { type: veth, netns: h1, ifname: eth0 }');
  expect(text).toContain('persist: false');
  expect(loadConfig(text, 'test')).toEqual(parsed);
});

test('all but the name of its interface changes in place', () => {
  const plan = (more: object) =>
    diff(parseConfig(config({ web: web() })), parseConfig(config({ web: web(more) }))).map(({ op }) => op);
  const changes = { netns: 'h2', mac: '02:00:00:00:00:01', address: ['10.0.0.5/24'], persist: false };
  for (const [key, value] of Object.entries(changes)) expect(plan({ [key]: value })).toEqual(['set']);
  expect(plan({ ifname: 'eth1' })).toEqual(['delete', 'add']);
});
