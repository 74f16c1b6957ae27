// Security groups in a configuration: what is refused and in which words, and that nothing is lost on the way.

import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config_error.ts';
import { diff } from '../../src/config/diff.ts';
import { formatConfig } from '../../src/config/format_config.ts';
import { inForce } from '../../src/config/in_force.ts';
import { parseConfig, type SwitchConfigInput } from '../../src/config/schema.ts';
import { withoutPorts } from '../../src/config/without_ports.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const GOOD: SwitchConfigInput = {
  version: 1,
  bridges: { br0: { ports: { p1: { type: 'memory', groups: ['web', 'admins'] } } } },
  groups: {
    admins: { members: ['10.0.0.5', 'fd00::/64'] },
    web: {
      in: [
        { protocol: 'tcp', ports: [80, '8000-8009'], from: 'any' },
        { protocol: 'tcp', ports: 22, from: ['admins', '192.0.2.0/24'] },
        { protocol: 47 },
      ],
      out: 'any',
    },
  },
  connections: { limit: 5000, keep_established: true },
};

function problems(groups: unknown, own: unknown = ['web'], connections?: unknown): string[] {
  try {
    parseConfig({
      version: 1,
      bridges: { br0: { ports: { p1: { type: 'memory', groups: own } } } },
      groups,
      connections,
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

test('groups of the local interface are looked at as those of ports', () => {
  const config = (groups: string[]) => ({
    version: 1,
    bridges: { br0: { local: { groups } } },
    groups: { web: {} },
  });
  const refused = (groups: string[]) => {
    try {
      parseConfig(config(groups));
      return [];
    } catch (error) {
      return (error as ConfigError).problems.map(({ path, message }) => `${path}: ${message}`);
    }
  };
  expect(refused(['web'])).toEqual([]);
  expect(refused(['wep', 'web', 'web'])).toEqual([
    'bridges.br0.local.groups[0]: there is no group wep, did you mean web?',
    'bridges.br0.local.groups[2]: web is listed twice',
  ]);
  const parsed = parseConfig(config(['web']));
  expect(loadConfig(formatConfig(parsed), 'local.yaml')).toEqual(parsed);
});

test.each([
  [{ wep: {} }, ['bridges.br0.ports.p1.groups[0]: there is no group web, did you mean wep?']],
  [{ any: {} }, [expect.stringContaining('groups.any: '), expect.any(String)]],
  [
    { web: { in: [{ ports: 80 }, { protocol: 'icmp', ports: 80 }, { protocol: 'tcp', type: 8 }] } },
    [
      'groups.web.in[0].ports: only tcp, udp and sctp have ports: name one as protocol, or leave this key out',
      'groups.web.in[1].ports: only tcp, udp and sctp have ports: name one as protocol, or leave this key out',
      'groups.web.in[2].type: only icmp and icmpv6 have types: name one as protocol, or leave this key out',
    ],
  ],
  [
    { web: { in: [{ to: 'any' }], out: [{ from: 'nobody' }] } },
    [
      'groups.web.in[0].to: an in rule says where packets come from, they go to the port itself: write from',
      'groups.web.out[0].from: an out rule says where packets go, they come from the port itself: write to',
    ],
  ],
  [
    { web: { in: [{ from: ['10.0.0.1', 'nobody'] }] } },
    ['groups.web.in[0].from: there is no group nobody: add it to groups'],
  ],
  [
    { web: { in: [{ protocol: 'icmpv6', from: '10.0.0.0/8' }] } },
    ['groups.web.in[0].from: 10.0.0.0/8 is IPv4, and icmpv6 is not: write icmp'],
  ],
  [{ web: { members: ['10.0.0.1', '10.0.0.1/32'] } }, ['groups.web.members[1]: 10.0.0.1/32 is listed twice']],
])('%j', (groups, expected) => {
  expect(problems(groups)).toEqual(expected);
});

test.each([
  [{ web: { in: [{ from: '10.0.0.1/8' }] } }],
  [{ web: { in: [{ protocol: 'tcp', ports: '9-8' }] } }],
  [{ web: { in: [{ protocol: 'ftp' }] } }],
  [{ web: { in: 'none' } }],
  [{ web: { inn: [] } }],
  [{ web: { members: ['web'] } }],
])('refused: %j', (groups) => {
  const found = problems(groups);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/^groups\.web\./);
});

test('a group that is listed twice, and too few connections', () => {
  expect(problems({ web: {} }, ['web', 'web'], { limit: 5 })).toEqual([
    expect.stringMatching(/^connections\.limit: 5 is not a number of connections/),
    'bridges.br0.ports.p1.groups[1]: web is listed twice',
  ]);
});

test('what is written as YAML is read as the same', () => {
  const config = parseConfig(GOOD);
  expect(loadConfig(formatConfig(config), 'groups.yaml')).toEqual(config);
  expect(withoutPorts(config, new Set(['p1'])).groups).toEqual(config.groups);
});

test('a group that comes, changes and goes is an action each, and so are the connections', () => {
  const config = parseConfig(GOOD);
  const next = parseConfig({
    ...GOOD,
    bridges: { br0: { ports: { p1: { type: 'memory', groups: ['web'] } } } },
    groups: { web: { in: 'any' }, db: {} },
    connections: undefined,
  });
  const plan = diff(config, next);
  expect(plan.map(({ op, kind, path }) => `${op} ${kind} ${path}`)).toEqual([
    'delete group groups.admins',
    'delete group connections',
    'add group groups.db',
    'set group groups.web',
    'set port bridges.br0.ports.p1',
  ]);
  expect(inForce(config, next, plan)).toEqual(next);
  expect(inForce(config, next, plan.slice(2)).groups).toEqual({
    ...next.groups,
    admins: config.groups?.admins,
  });
});
