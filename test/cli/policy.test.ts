// `taploom group` and `taploom connections`: what they print, and what they ask for.

import { expect, test } from 'vitest';
import type { PolicyConnection } from '../../src/api.ts';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({
  version: 1,
  bridges: {
    br0: {
      ports: { vm1: { type: 'memory', groups: ['web', 'db'] }, vm2: { type: 'memory', groups: ['web'] } },
    },
  },
  groups: {
    web: { in: [{ protocol: 'tcp', ports: 80 }], members: ['10.0.0.9'] },
    db: { in: 'any', out: [] },
  },
});
const taploom = cli.run;

const ONE: PolicyConnection = {
  bridge: 'br0',
  vlan: 0,
  protocol: 'tcp',
  state: 'established',
  source: '10.0.0.1:5000',
  destination: '10.0.0.2:80',
  from: 'vm1',
  to: 'vm2',
  packets: { sent: 2, received: 3 },
  bytes: { sent: 200, received: 3000 },
  age: 7,
  idle: 1,
  expires: 7439,
};

const lines = (text: string) => text.split('\n').map((line) => line.trimEnd());

test('groups are a table, one of them, or JSON', async () => {
  expect(lines((await taploom('group', 'show')).out)).toEqual([
    'GROUP   IN  OUT  CONNECTIONS  PORTS    MEMBERS',
    'web      1  any            0  vm1 vm2  10.0.0.9',
    'db     any    0            0  vm1',
    '',
  ]);
  expect(JSON.parse((await taploom('group', 'show', 'db', '--json')).out)).toEqual([
    { name: 'db', ports: ['vm1'], members: [], in: 'any', out: 0, connections: 0 },
  ]);
  expect((await taploom('group', 'show', 'dc')).error).toContain('There is no security group dc');
});

test('connections are asked for by port, group, address and protocol', async () => {
  cli.api.policy.tracked = [ONE];
  expect(lines((await taploom('connections', 'show', '--port', 'vm1', '--group', 'web')).out)).toEqual([
    'BRIDGE  VLAN  PROTOCOL  STATE        FROM  SOURCE         TO   DESTINATION  SENT  RECEIVED  AGE  EXPIRES',
    'br0           tcp       established  vm1   10.0.0.1:5000  vm2  10.0.0.2:80   200     3.00k    7     7439',
    '',
  ]);
  expect(cli.api.policy.asked).toEqual([{ port: 'vm1', group: 'web' }]);
  expect((await taploom('connections', 'show', '--group', 'nobody')).error).toContain('nobody');
});

test('connections are ended, and not all of them by mistake', async () => {
  cli.api.policy.tracked = [ONE];
  expect((await taploom('connections', 'del')).error).toContain('--all');
  expect((await taploom('connections', 'del', '--port', 'vm1')).out).toBe('1 connection ended\n');
  expect((await taploom('connections', 'del', '--all')).out).toBe('0 connections ended\n');
});
