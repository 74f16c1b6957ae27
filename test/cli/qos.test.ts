import { expect, test } from 'vitest';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({ version: 1, bridges: { br0: {} } });
const taploom = cli.run;

const queue = {
  bridge: 'br0',
  port: 'up',
  class: 'voice',
  rate: '20mbit',
  heldFrames: 3,
  heldBytes: 4500,
  sentFrames: 1200,
  sentBytes: 96_000,
  full: 7,
  late: 1,
  marked: 2,
  delay: 0.0012,
};

test('queues are a table, those of one port, or JSON', async () => {
  cli.api.qosStatus = { queues: [queue, { ...queue, port: 'other', min: '1mbit' }], policers: [] };
  expect((await taploom('qos', 'show')).out.split('\n').map((line) => line.trimEnd())).toEqual([
    'BRIDGE  PORT   CLASS  MIN    RATE    HELD  BYTES  DELAY   SENT  SENT BYTES  FULL  LATE  MARKED',
    'br0     up     voice         20mbit     3  4.50k  1.2ms  1.20k       96.0k     7     1       2',
    'br0     other  voice  1mbit  20mbit     3  4.50k  1.2ms  1.20k       96.0k     7     1       2',
    '',
  ]);
  expect(JSON.parse((await taploom('qos', 'show', 'up', '--json')).out)).toEqual([queue]);
});

test('policers have frames by colour', async () => {
  const policer = {
    bridge: 'br0',
    port: 'up',
    direction: 'in' as const,
    rate: '50mbit',
    green: 5,
    yellow: 0,
    red: 2,
  };
  cli.api.qosStatus = { queues: [], policers: [policer] };
  expect((await taploom('qos', 'policers')).out).toContain('br0     up    in                50mbit');
  expect((await taploom('qos', 'show')).out).toContain('no port is shaped');
});
