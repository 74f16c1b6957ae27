import { expect, test } from 'vitest';
import { lldpNeighbor, lldpPort } from '../control/lldp_neighbors.ts';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  bridges: { br0: { ports: { vm1: { type: 'tap', lldp: true }, vm2: { type: 'tap' } } } },
});
const taploom = cli.run;

test('neighbours are a table', async () => {
  cli.api.lldpStates = [lldpPort()];
  cli.api.neighbors = [
    lldpNeighbor(),
    lldpNeighbor({
      systemName: undefined,
      systemDescription: `long ${'description '.repeat(9)}`,
      portId: 'x'.repeat(100),
    }),
  ];
  const { code, out } = await taploom('lldp');
  expect(code).toBe(0);
  expect(out.split('\n').slice(0, 3)).toEqual([
    'BRIDGE  PORT  NEIGHBOUR          ITS PORT                  EXPIRES  WHAT IT IS',
    'br0     vm1   core-1             Gi1/0/24                      118  bridge, A switch',
    '                                                                    of somebody',
  ]);
  expect(out).toContain('02:00:00:00:0a:01  xxxxxxxxxxxxxxxxxxxxx...');
});

test('of one port, everything', async () => {
  cli.api.lldpStates = [lldpPort()];
  cli.api.neighbors = [lldpNeighbor()];
  expect((await taploom('lldp', 'br0', 'vm1')).out).toBe(
    `neighbour on port vm1 of bridge br0
  chassis id            02:00:00:00:0a:01 (mac)
  port id               Gi1/0/24 (interface_name)
  mac                   02:00:00:00:0a:01
  vlan                  0
  ttl                   120
  expires in            117.5
  age                   2.5
  system name           core-1
  system description    A switch of somebody
  pvid                  10
  capabilities          bridge router
  enabled capabilities  bridge
  management addresses  192.0.2.7
  TLV 00:12:0f 1        5 bytes: 0080000036
LLDP on port vm1 of bridge br0
  mode               send and receive
  frames in          1
  frames out         2
  frames discarded   3
  frames in errors   4
  frames not sent    5
  tlvs discarded     6
  tlvs unrecognized  7
  tlvs omitted       8
  ageouts            9
  neighbors refused  10
`,
  );
});

test('without neighbours it says why', async () => {
  expect((await taploom('lldp')).out).toMatch(/^LLDP runs on no port; `taploom port set/);
  expect((await taploom('lldp', 'br0', 'vm2')).out).toBe('LLDP does not run on this port\n');
  cli.api.lldpStates = [lldpPort({ neighbors: 0 })];
  expect((await taploom('lldp', 'br0')).out).toBe('no neighbours\n');
  expect(await taploom('lldp', 'br9')).toMatchObject({ code: 1, error: 'taploom: There is no bridge br9\n' });
});

test('--json answers what the API answers', async () => {
  cli.api.lldpStates = [lldpPort()];
  cli.api.neighbors = [lldpNeighbor()];
  expect(JSON.parse((await taploom('lldp', '--json')).out)).toEqual({
    neighbors: cli.api.neighbors,
    ports: cli.api.lldpStates,
  });
});

test('--lldp takes on, off and receive', async () => {
  for (const [word, value] of [
    ['receive', 'receive'],
    ['off', false],
    ['on', true],
  ]) {
    expect((await taploom('port', 'set', 'br0', 'vm2', '--lldp', String(word))).code).toBe(0);
    expect(cli.api.config.bridges.br0.ports.vm2).toMatchObject({ lldp: value });
  }
  expect(await taploom('port', 'set', 'br0', 'vm2', '--lldp', 'maybe')).toMatchObject({ code: 2 });
});
