import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ConfigError, parseConfig } from '../../src/config/schema.ts';
import { formatConfig, loadConfig } from '../../src/config/yaml.ts';
import { arbitraryConfig } from './arbitrary_config.ts';

function messageOf(text: string): string {
  try {
    loadConfig(text, 'x.yaml');
  } catch (error) {
    return (error as ConfigError).message;
  }
  return 'no error';
}

test('what is written is read again unchanged', () => {
  fc.assert(
    fc.property(arbitraryConfig, (config) => {
      expect(loadConfig(formatConfig(config), 'x.yaml')).toEqual(config);
    }),
  );
});

test('an export holds what differs from the defaults, in the form of its author', () => {
  const config = parseConfig({
    version: 1,
    bridges: {
      br0: {
        vlan_filtering: true,
        group_fwd_mask: 0x4000,
        ageing_time: 300,
        ports: {
          vm1: { type: 'tap', vlan: { access: 10 }, netns: 'h1', hairpin: false },
          up0: { type: 'tap', vlan: { trunk: [10, 20, '100-199'], native: 1 } },
          vx42: { type: 'vxlan', vni: 42, local: '192.0.2.1', remotes: ['192.0.2.2'], vlan: { access: 10 } },
          vx43: {
            type: 'vxlan',
            vni: 43,
            local: '2001:db8::1',
            remotes: ['2001:db8::2', '2001:db8::3', '2001:db8::4'],
            vlan: { access: 10 },
          },
        },
        static: [{ mac: '02:00:00:00:00:01', vlan: 10, port: 'vm1' }],
      },
      br1: { local: false },
      br2: {},
    },
  });
  expect(formatConfig(config)).toBe(`version: 1
bridges:
  br0:
    vlan_filtering: true
    group_fwd_mask: 0x4000
    static:
      - { mac: 02:00:00:00:00:01, vlan: 10, port: vm1 }
    ports:
      vm1: { type: tap, netns: h1, vlan: { access: 10 } }
      up0: { type: tap, vlan: { trunk: [ 10, 20, 100-199 ], native: 1 } }
      vx42: { type: vxlan, vni: 42, local: 192.0.2.1, remotes: [ 192.0.2.2 ], vlan: { access: 10 } }
      vx43:
        type: vxlan
        vni: 43
        local: 2001:db8::1
        remotes: [ 2001:db8::2, 2001:db8::3, 2001:db8::4 ]
        vlan: { access: 10 }
  br1:
    local: false
  br2: {}
`);
});

test('a syntax error has a line and a column', () => {
  expect(messageOf('version: 1\nbridges: [')).toMatch(/^x\.yaml:2: column \d+: /);
  expect(messageOf('version: 1\nbridges:\n\tbr0: {}')).toMatch(/^x\.yaml:3: column 1: .*tab/i);
});

test('a key that is there twice is an error', () => {
  expect(messageOf('version: 1\nbridges:\n  br0: {}\n  br0: {}\n')).toBe(
    'x.yaml:4: column 3: this key is there already',
  );
});

test('a key must be a word', () => {
  expect(messageOf('version: 1\n? [a, b]\n: 5\n')).toMatch(/^x\.yaml:2: column \d+: .*string/);
});

test('every problem has its line, and they come in the order of the file', () => {
  const text = `version: 2
bridges:
  br0:
    ports:
      vm1:
        type: tap
        vlan:
          access: 5000
      vm2: { type: vxlan,
             local: 192.0.2.1,
             remotes: [192.0.2.2,
                       192.0.2.1] }
    ageing: 5
`;
  expect(messageOf(text).split('\n')).toEqual([
    'x.yaml:1: version: 2 is not 1, the version of this format',
    'x.yaml:8: bridges.br0.ports.vm1.vlan.access: 5000 is not a VLAN id (1-4094)',
    'x.yaml:9: bridges.br0.ports.vm2.vni: missing, expected a VXLAN network identifier (0-16777215)',
    'x.yaml:13: bridges.br0.ageing: unknown key, did you mean ageing_time?',
  ]);
});

test('a problem inside an alias is found where the anchor is', () => {
  const text = 'version: 1\nbridges:\n  br0:\n    ports:\n      a: &p { type: tap, mtu: 1 }\n      b: *p\n';
  expect(
    messageOf(text)
      .split('\n')
      .map((line) => line.split(': ')[0]),
  ).toEqual(['x.yaml:5', 'x.yaml:5']);
});

test('a file of nothing but comments says that it is empty', () => {
  expect(messageOf('# nothing\n')).toBe('x.yaml: the file is empty, expected at least version: 1');
});

test('a key with nothing after it is an empty mapping', () => {
  expect(loadConfig('version: 1\nbridges:\n', 'x.yaml')).toEqual({ version: 1, bridges: {} });
  expect(loadConfig('version: 1\nbridges:\n  br0:\n', 'x.yaml')).toEqual(
    parseConfig({ version: 1, bridges: { br0: {} } }),
  );
  expect(
    loadConfig('version: 1\nbridges:\n  br0:\n    ports:\n    static:\n', 'x.yaml').bridges.br0.ports,
  ).toEqual({});
});

test('a file cannot name an open file descriptor', () => {
  expect(messageOf('version: 1\nbridges: { br0: { ports: { a: { type: tap, fd: 3 } } } }')).toBe(
    'x.yaml:2: bridges.br0.ports.a.fd: only a program that embeds the switch can hand over an open file descriptor',
  );
});

test('aliases cannot blow up the configuration', () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `x${i + 1}: &x${i + 1} [${Array(12).fill(`*x${i}`).join(', ')}]`,
  );
  expect(messageOf(`x0: &x0 [a]\n${levels.join('\n')}\n`)).toMatch(/alias/);
});
