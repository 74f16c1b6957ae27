// The command line of `taploom capture` and `taploom drops --last`, against a simulated switch.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PcapngReader } from '../../../src/wire/pcapng_reader.ts';
import { simulatedCli } from '../simulated_cli.ts';

const cli = simulatedCli({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } } } });
const ARP = Buffer.from(
  'ffffffffffff02000000000108060001080006040001020000000001c0000201000000000000c0000202',
  'hex',
);
const frame = {
  time: 1_795_824_000_000_000_001n,
  port: 'vm1',
  direction: 'in' as const,
  length: ARP.length,
  bytes: ARP,
};

test('a frame is a line, with the reason if it was dropped', async () => {
  cli.api.captured.push([frame], [{ ...frame, direction: 'drop', reason: 'isolated', side: 'receive' }]);
  cli.api.captureLost.vm1 = 3;
  const { code, out, error } = await cli.run('capture', 'br0', 'vm1', '--count', '2');
  expect(code).toBe(0);
  const text =
    'vm1 in  02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who has 192.0.2.2, tell 192.0.2.1, length 42';
  expect(out.replaceAll(/^\S+ /gm, '')).toBe(`${text}\n${text}, dropped: isolated\n`);
  expect(error).toBe('capturing on vm1; Ctrl-C ends it\n2 frames captured, 3 lost\n');
});

test('options are asked for as they are given, the filter as a program', async () => {
  const args = ['--direction', 'in,drop', '--filter', 'arp', '--snaplen', '64', '--count', '1'];
  await cli.run('capture', 'br0', ...args);
  expect(cli.api.captureOptions[0]).toMatchObject({
    bridge: 'br0',
    directions: ['in', 'drop'],
    snaplen: 64,
    count: 1,
  });
  expect(cli.api.captureOptions[0].program?.[0]).toEqual([0x28, 0, 0, 12]);
});

test('with --json a frame is a line of JSON', async () => {
  cli.api.captured.push([{ ...frame, reason: 'isolated', side: 'receive' as const }]);
  const { out, error } = await cli.run('--json', 'capture', '--count', '1');
  expect(JSON.parse(out)).toMatchObject({
    time: '1795824000000000001',
    port: 'vm1',
    direction: 'in',
    dropped: 'isolated',
    length: 42,
    bytes: ARP.toString('hex'),
  });
  expect(error).toBe('');
});

test('with -w the stream goes into a file as it is', async () => {
  cli.api.captured.push([frame]);
  const file = join(cli.directory, 'frames.pcapng');
  const { code, out } = await cli.run('capture', '-w', file, '--count', '1');
  expect([code, out]).toEqual([0, '']);
  const reader = new PcapngReader();
  const kinds = reader.push(readFileSync(file)).map((block) => reader.read(block).kind);
  expect(kinds).toEqual(['other', 'other', 'packet', 'statistics']);
});

test.each([
  [['--snaplen', '0'], 'Expected bytes, 1 to 262144'],
  [['--count', '-1'], 'Expected frames'],
  [['--count', 'x'], 'Expected a number'],
  [['--direction', 'sideways'], 'Expected in, out or drop'],
])('refuses %j as a wrong command line', async (args, why) => {
  const { code, error } = await cli.run('capture', ...args);
  expect(code).toBe(2);
  expect(error).toContain(why);
});

test('what it cannot write or compile it says before it starts', async () => {
  expect(await cli.run('capture', '-w', join(cli.directory, 'no/where'))).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^taploom: Cannot write .*no\/where: ENOENT/),
  });
  expect(await cli.run('capture', '--filter', 'no such thing')).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^taploom: Bad filter: /),
  });
  expect(cli.api.captureOptions).toEqual([]);
});

test('drops --last decodes what was dropped, of a bridge if one is named', async () => {
  const drop = {
    time: 1000,
    port: 'vm1',
    side: 'receive' as const,
    reason: 'isolated',
    help: '',
    length: 42,
    head: ARP.toString('hex'),
  };
  cli.api.drops = [drop, { ...drop, port: 'other' }];
  const { out } = await cli.run('drops', '--last', 'br0');
  expect(out).toMatch(
    /^\S+ {2}vm1 {2}receive {3}isolated {2}02:00:00:00:00:01 > .* ARP who has 192.0.2.2, tell 192.0.2.1, length 42\n$/,
  );
  expect(JSON.parse((await cli.run('--json', 'drops', '--last')).out)).toHaveLength(2);
  expect(await cli.run('drops', '--last', 'br9')).toMatchObject({
    code: 1,
    error: 'taploom: There is no bridge br9\n',
  });
});
