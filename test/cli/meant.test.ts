// Words that are nearly a command, and what is said of a line that is none.

import { expect, test } from 'vitest';
import { meant } from '../../src/cli/meant.ts';
import { taploomProgram } from '../../src/cli/program.ts';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } }, br1: {} } });

test.each([
  ['ls', 'show'],
  ['list br0', 'show br0'],
  ['--socket ls ls', '--socket ls show'],
  ['--socket=x --json bridges', '--socket=x --json bridge show'],
  ['fdb', 'fdb show'],
  ['fdb --vlan 10', 'fdb show --vlan 10'],
  ['fdb ls br0', 'fdb show br0'],
  ['show ports br0', 'port show br0'],
  ['add bridge br1', 'bridge add br1'],
  ['delete port br0 vm1', 'port del br0 vm1'],
  ['bridge rm br0', 'bridge del br0'],
  ['macs', 'fdb show'],
  ['neighbours', 'neighbour show'],
  ['neighbor', 'neighbour show'],
  ['route ls', 'route show'],
  ['version', '--version'],
  ['port help', 'port --help'],
  ['port --help', 'port --help'],
  ['show br0', 'show br0'],
  ['apply port', 'apply port'],
  ['port del ls rm', 'port del ls rm'],
  ['bridge add show', 'bridge add show'],
])('%s is %s', (given, wanted) => {
  const guesses: string[] = [];
  const words = meant(given.split(' '), taploomProgram(), (...guess) => guesses.push(...guess));
  expect(words.join(' ')).toBe(wanted);
  expect(guesses).toEqual([]);
});

test('a misspelt command is guessed, and said to be, if it only looks', async () => {
  for (const word of ['shwo', 'sho', 'shoow', 'shew']) {
    const { code, out, error } = await cli.run(word);
    expect({ code, error }).toEqual({ code: 0, error: `taploom: '${word}' is taken for 'show'\n` });
    expect(out).toContain('vm1');
  }
  expect(await cli.run('shwo', '--json')).toMatchObject({ code: 0, error: '' });
  expect((await cli.run('fbd', 'shw')).error).toBe(
    "taploom: 'fbd' is taken for 'fdb'\ntaploom: 'shw' is taken for 'show'\n",
  );
  expect(await cli.run('bridge', 'dle', 'br0')).toMatchObject({ code: 2 });
  expect(await cli.run('brigde', 'del', 'br0')).toMatchObject({ code: 2 });
  expect(await cli.run('brigde', 'add', 'br7')).toMatchObject({ code: 2 });
  expect(cli.api.config.bridges).toHaveProperty('br0');
});

test('with --json a wrong command line is told in JSON', async () => {
  for (const [line, message] of [
    ['frobnicate', "unknown command 'frobnicate'"],
    ['port add br0', "missing required argument 'port'"],
    ['stats --interval soon', "option '--interval <seconds>' argument 'soon' is invalid. Expected a number."],
    ['', 'a command is missing'],
  ]) {
    const { code, out, error } = await cli.run('--json', ...line.split(' ').filter(Boolean));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(error)).toEqual({ error: { code: 'invalid_usage', message } });
  }
});

test('errors name the option', async () => {
  for (const [line, start] of [
    ['fdb show --vlan 5000', '--vlan: '],
    ['fdb flush --vlan 5000', '--vlan: '],
    ['fdb del br0 nonsense', 'mac: '],
    ['events --since never', '--since: '],
  ]) {
    const { code, error } = await cli.run(...line.split(' '));
    expect(code).toBe(1);
    expect(error.slice('taploom: '.length)).toMatch(new RegExp(`^${start}`));
  }
});

test('what is not there is an error, not an empty answer', async () => {
  expect((await cli.run('show', 'br9')).error).toBe('taploom: There is no bridge br9\n');
  expect((await cli.run('show', 'vm1')).error).toBe(
    'taploom: There is no bridge vm1; vm1 is a port of br0\n',
  );
  expect((await cli.run('fdb', 'show', 'br9')).error).toBe('taploom: There is no bridge br9\n');
  expect((await cli.run('fdb', 'show', '--port', 'vm9')).error).toBe('taploom: There is no port vm9\n');
  expect((await cli.run('fdb', 'show', 'br1', '--port', 'vm1')).error).toBe(
    'taploom: Bridge br1 has no port vm1\n',
  );
  expect((await cli.run('fdb', 'show', 'br0', '--port', 'vm1')).out).toBe('no entries\n');
  expect((await cli.run('show', 'br1')).out).not.toContain('vm1');
});
