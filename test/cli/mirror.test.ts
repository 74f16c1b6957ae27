import { expect, test } from 'vitest';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  bridges: {
    br0: {
      vlan_filtering: true,
      ports: {
        vm1: { type: 'tap' },
        mon: { type: 'tap' },
        vx42: { type: 'vxlan', vni: 42, local: '192.0.2.1', remote_learning: true },
      },
    },
    br1: { ports: {} },
  },
});
const taploom = cli.run;
const add = (...words: string[]) => taploom('mirror', 'add', 'br0', 'm1', ...words);
const mirrors = async () => (await cli.api.config).bridges.br0.mirrors;
const DEFAULTS = { direction: 'both', sample: 1, snaplen: 65_557 };

test.each([
  ['--to mon', { to: 'mon' }],
  ['--from vm1 --direction in --to mon', { from: ['vm1'], direction: 'in', to: 'mon' }],
  [
    '--from vm1,vx42 --sample 10 --snaplen 128 --to br0',
    { from: ['vm1', 'vx42'], sample: 10, snaplen: 128, to: 'br0' },
  ],
  ['--vlans 10,20 --to-vlan 99', { vlans: [10, 20], to: { vlan: 99 } }],
  ['--to vx42 --remote 192.0.2.9', { to: { port: 'vx42', remote: '192.0.2.9' } }],
])('mirror add br0 m1 %s', async (words, mirror) => {
  expect(await add('--filter', 'tcp port 80', ...words.split(' '))).toEqual({ code: 0, out: '', error: '' });
  expect(await mirrors()).toEqual({ m1: { ...DEFAULTS, filter: 'tcp port 80', ...mirror } });
});

test('a mirror that is there is replaced, whatever it was', async () => {
  await add('--from', 'vm1', '--filter', 'arp', '--to', 'vx42', '--remote', '192.0.2.9');
  await add('--to-vlan', '99');
  expect(await mirrors()).toEqual({ m1: { ...DEFAULTS, to: { vlan: 99 } } });
  await add('--to', 'mon');
  await add('--to', 'vx42', '--remote', '192.0.2.8');
  expect(await mirrors()).toEqual({ m1: { ...DEFAULTS, to: { port: 'vx42', remote: '192.0.2.8' } } });
});

test('what does not fit is said with its path, and nothing is changed', async () => {
  for (const [words, why] of [
    [
      '--to mon --filter tcp[13]',
      'bridges.br0.mirrors.m1.filter: "tcp[13]" is not a filter: "tcp[13]" is not understood;',
    ],
    ['--to nosuch', 'bridges.br0.mirrors.m1.to: bridge br0 has no port nosuch'],
    ['--to vx42', 'bridges.br0.mirrors.m1.to: vx42 is a VXLAN port: say { port: vx42, remote: ADDRESS }'],
    ['--from vm1', 'bridges.br0.mirrors.m1.to'],
    ['--to mon --to-vlan 9', 'bridges.br0.mirrors.m1.to'],
  ]) {
    const { code, error } = await add(...words.split(' '));
    expect(code).toBe(1);
    expect(error).toContain(why);
  }
  expect(await mirrors()).toEqual({});
});

test('mirror show, bridge show and mirror del', async () => {
  expect((await taploom('mirror', 'show')).out).toBe('no mirrors\n');
  await add('--from', 'vm1', '--direction', 'in', '--filter', 'tcp port 80', '--sample', '10', '--to', 'mon');
  await taploom(
    'mirror',
    'add',
    'br0',
    'm2',
    '--vlans',
    '10',
    '--snaplen',
    '64',
    '--to',
    'vx42',
    '--remote',
    '192.0.2.9',
  );
  expect((await taploom('mirror', 'show', 'br0')).out).toBe(
    `BRIDGE  MIRROR  FROM       DIRECTION  TO                 ONLY
br0     m1      vm1        in         mon                tcp port 80, one of 10
br0     m2      all ports  both       vx42 -> 192.0.2.9  vlans 10, 64 bytes
`,
  );
  const { out } = await taploom('bridge', 'show', 'br0');
  expect(out).toMatch(/^ {2}mirror m1 +vm1, in, tcp port 80, one of 10, to mon$/m);
  expect(out).toMatch(/^ {2}mirror m2 +all ports, both, vlans 10, 64 bytes, to vx42 -> 192\.0\.2\.9$/m);
  const json = JSON.parse((await taploom('mirror', 'show', '--json')).out);
  expect(json[1]).toEqual({ bridge: 'br0', name: 'm2', ...(await mirrors()).m2 });
  expect((await taploom('mirror', 'show', 'br1')).out).toBe('no mirrors\n');
  expect((await taploom('mirror', 'show', 'br9')).error).toBe('taploom: There is no bridge br9\n');
  expect(await taploom('mirror', 'del', 'br0', 'm1')).toEqual({ code: 0, out: '', error: '' });
  expect(Object.keys(await mirrors())).toEqual(['m2']);
  expect((await taploom('mirror', 'del', 'br0', 'm1')).error).toBe('taploom: Bridge br0 has no mirror m1\n');
});
