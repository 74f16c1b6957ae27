// Access lists in a configuration: what is refused and in which words, and that nothing is lost on the way.

import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config_error.ts';
import { diff } from '../../src/config/diff.ts';
import { formatConfig } from '../../src/config/format_config.ts';
import { inForce } from '../../src/config/in_force.ts';
import { configShape, parseConfig, type SwitchConfigInput } from '../../src/config/schema.ts';
import { shaped } from '../../src/config/shape_parts.ts';
import { loadConfig } from '../../src/config/yaml.ts';
import { atOnce } from '../../src/parts.ts';

const GOOD: SwitchConfigInput = {
  version: 1,
  acls: {
    office: [
      { deny: { protocol: 'tcp', ports: 25, to: ['10.0.0.0/8', 'fd00::/8'] }, log: true },
      { count: { from_mac: '02:00:00:00:00:00/ff:00:00:00:00:00' }, mark: 7, mirror: 'watch' },
      { permit: { protocol: 'tcp', tcp_flags: 'syn,!ack', ports: [80, '8000-8099'] }, police: '10mbit' },
      { permit: { ethertype: ['arp', 0x88b5], vlan: '10-19', pcp: [3, 4] } },
      { permit: { protocol: 'icmp', type: 3, code: 4, dscp: 46, fragment: 'none' } },
      { permit: 'any' },
    ],
    empty: [],
  },
  bridges: {
    br0: {
      vlan_filtering: true,
      acls: { in: ['office'] },
      vlans: { 10: { acls: { out: ['office', 'empty'] } } },
      local: { acls: { in: ['office'] } },
      mirrors: { watch: { from: [], to: 'p2' } },
      ports: { p1: { type: 'memory', acls: { in: ['office'], out: ['empty'] } }, p2: { type: 'memory' } },
    },
  },
};

function problems(rules: unknown, own: unknown = { in: ['web'] }): string[] {
  try {
    const acls = Array.isArray(rules) ? { web: rules } : rules;
    parseConfig({ version: 1, acls, bridges: { br0: { ports: { p1: { type: 'memory', acls: own } } } } });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

test('what is right is taken, and comes back as it was written', () => {
  const config = parseConfig(GOOD);
  expect(config.acls).toEqual(GOOD.acls);
  expect(loadConfig(formatConfig(config), 'file')).toEqual(config);
  expect(loadConfig('version: 1\nacls:\n  a:\n', 'file').acls).toEqual({ a: [] });
});

test.each<[unknown, string[], unknown?]>([
  [{ wep: [] }, ['bridges.br0.ports.p1.acls.in[0]: there is no access list web, did you mean wep?']],
  [[], ['bridges.br0.ports.p1.acls.in[1]: web is listed twice'], { in: ['web', 'web'] }],
  [[{}], ['acls.web[0]: expected one of permit, deny and count, found none']],
  [
    [{ permit: 'any', deny: 'any' }],
    ['acls.web[0]: expected one of permit, deny and count, found permit and deny'],
  ],
  [
    [{ deny: 'any', mark: 3, police: '1mbit' }],
    [
      'acls.web[0].mark: what is denied goes nowhere: say permit or count, or remove mark',
      'acls.web[0].police: what is denied goes nowhere: say permit or count, or remove police',
    ],
  ],
  [
    [{ permit: { ports: 80 } }, { permit: { protocol: 'udp', tcp_flags: 'syn', type: 3 } }],
    [
      'acls.web[0].permit.ports: only tcp, udp and sctp have ports: name one as protocol, or leave this key out',
      'acls.web[1].permit.tcp_flags: only tcp has them: say protocol: tcp, or leave this key out',
      'acls.web[1].permit.type: only icmp and icmpv6 have types: name one as protocol, or leave this key out',
    ],
  ],
  [
    [{ deny: { protocol: 'tcp', ports: 80, fragment: 'later' } }],
    ['acls.web[0].deny.ports: no later fragment has it, so nothing would fit: remove it, or fragment'],
  ],
  [
    [{ permit: { from: '10.0.0.1', to: 'fd00::1' } }, { permit: { ethertype: 'arp', from: '10.0.0.1' } }],
    [
      'acls.web[0].permit.to: from and to are of different IP versions, so nothing would fit',
      'acls.web[1].permit.from: only IPv4 and IPv6 have it: say one of them as ethertype, or leave one of the keys out',
    ],
  ],
  [
    [{ permit: { ethertype: 'ipv6', from: '10.0.0.1' } }, { permit: { protocol: 'icmp', to: 'fd00::1' } }],
    [
      'acls.web[0].permit.from: 10.0.0.1 is IPv4, and ethertype is not',
      'acls.web[1].permit.to: fd00::1 is IPv6, and icmp is not: write icmpv6',
    ],
  ],
  [
    [{ permit: { from_mac: ['02:00:00:00:00:01', '02:00:00:00:00:00/ff:00:00:00:00:00'] } }],
    ['acls.web[0].permit.from_mac: a rule has MAC addresses of one mask: write a rule for each'],
  ],
  [
    Array.from({ length: 9 }, (_, n) => ({ permit: { to_mac: `00:00:00:00:00:00/ff:ff:ff:ff:ff:0${n}` } })),
    ['acls.web: 9 different masks of MAC addresses; at most 8 are possible'],
  ],
  [
    [{ permit: 'any', mirror: 'watch' }],
    [
      'bridges.br0.ports.p1.acls.in[0]: rules of web copy frames to the mirror watch, and bridge br0 has none of this name: add it to its mirrors, with from: [] if it is for these rules only',
    ],
  ],
  [
    [{ permit: 'any', police: { rate: '10mbit', burst: 5 } }],
    [
      'acls.web[0].police.burst: a rate in bits has a burst in bytes, such as 64kb; one in pps has a number of frames',
    ],
  ],
  [
    [{ permit: { from: '10.0.0.1/8' } }],
    [
      'acls.web[0].permit.from: "10.0.0.1/8" is not any, an address, a prefix such as 10.0.0.0/8, or a list of them',
    ],
  ],
  [[{ permit: { prot: 'tcp' } }], [expect.stringContaining('acls.web[0].permit')]],
])('%j is refused', (rules, expected, own?) => {
  expect(problems(rules, own)).toEqual(expected);
});

test('a list is a thing of its own in a plan, and goes when nobody has it any more', () => {
  const before = parseConfig(GOOD);
  const after = structuredClone(before);
  after.acls = { other: [{ deny: 'any' }], office: [{ permit: 'any' }] };
  after.bridges.br0.ports.p1.acls = { in: ['other'], out: [] };
  after.bridges.br0.vlans = {};
  const plan = diff(before, after);
  expect(plan.map(({ op, path }) => `${op} ${path}`)).toEqual([
    'add acls.other',
    'set acls.office',
    'set bridges.br0',
    'set bridges.br0.ports.p1',
    'delete acls.empty',
  ]);
  expect(inForce(before, after, plan)).toEqual(after);
  expect(inForce(before, after, plan.slice(0, 1)).acls).toEqual({ ...before.acls, other: [{ deny: 'any' }] });
});

test('a long list is looked at in pieces, and problems keep their places', () => {
  const rules = Array.from({ length: 1000 }, (_, n) =>
    n % 300 === 299 ? { permit: { vlan: 5000 } } : { deny: 'any' },
  );
  const input = { version: 1, acls: { a: [], long: rules, 'no name': rules.slice(0, 80) } };
  const texts = (issues: readonly object[] = []) => issues.map((issue) => JSON.stringify(issue)).sort();
  expect(texts(atOnce(shaped(input)).issues)).toEqual(texts(configShape.safeParse(input).error?.issues));
  const good = {
    version: 1,
    acls: { z: [{ deny: 'any' }], long: new Array(200).fill({ permit: 'any' }), b: [] },
  };
  expect(JSON.stringify(atOnce(shaped(good)).acls)).toBe(JSON.stringify(good.acls));
});
