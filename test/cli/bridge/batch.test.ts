// `bridge -batch`, and the options before the object. What iproute2 6.1 says was recorded by hand; test/system has both
// programs side by side.

import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BridgeFixture } from './fixture.ts';

let bridge: BridgeFixture;
beforeEach(async () => {
  const aware = { vlan_filtering: true, ports: { vm1: { type: 'tap' }, vm2: { type: 'tap' } } };
  bridge = new BridgeFixture({ version: 1, bridges: { br0: aware } });
  await bridge.start();
});
afterEach(() => bridge.stop());

const trunk = () => bridge.api.config.bridges.br0.ports.vm1.vlan;

function script(text: string): string {
  const file = bridge.path('batch');
  writeFileSync(file, text);
  return file;
}

test('a batch ends with the first command that fails, and says which line it is', async () => {
  const file = script(
    '# VLANs\n\nvlan add dev vm1 vid 10\nvlan add dev nope vid 10\nvlan add dev vm1 vid 11\n',
  );
  expect(await bridge.run('-batch', file)).toEqual({
    out: '',
    error: `Cannot find bridge device "nope"\nCommand failed ${file}:4\n`,
    code: 1,
  });
  expect(trunk()).toEqual({ native: 1, trunk: [10] });
});

test('with -force it goes on', async () => {
  const file = script(
    'bogus\nvlan add dev vm1 vid 10\nfdb get 02:00:00:00:00:01 br nope\nvlan add dev vm1 vid 11\n',
  );
  expect(await bridge.run('-force', '-b', file)).toEqual({
    out: '',
    error: [
      'Object "bogus" is unknown, try "bridge help".',
      `Command failed ${file}:1`,
      'Cannot find bridge device "nope"',
      `Command failed ${file}:3\n`,
    ].join('\n'),
    code: 1,
  });
  expect(trunk()).toEqual({ native: 1, trunk: ['10-11'] });
});

test.each([
  ['link bogus', 'Command "bogus" is unknown, try "bridge link help".\n', 255],
  ['link set dev vm1 guard', 'Command line is not complete. Try option "help"\n', 255],
  ['link show dev vm1 dev vm2', 'Error: duplicate "dev": "vm2" is the second value.\n', 255],
  ['vlan show dev "vm1', 'Unterminated quoted string\n', 1],
  ['vlan show \\', 'Missing continuation line\n', 1],
])('where iproute2 does not return from a mistake, -force does not help: %s', async (line, error, code) => {
  const file = script(`${line}${line.endsWith('\\') ? '' : '\nvlan add dev vm1 vid 10\n'}`);
  expect(await bridge.run('-force', '-b', file)).toEqual({ out: '', error, code });
  expect(trunk()).toBeUndefined();
});

test('commands come from standard input, with quotes, comments and lines that go on', async () => {
  const text = `"vlan" add dev 'vm1' \\\n  vid 10 # the first\nvlan add dev vm1 vid 12`;
  expect(await bridge.runWith(Readable.from([text]), '-batch', '-')).toEqual({ out: '', error: '', code: 0 });
  expect(trunk()).toEqual({ native: 1, trunk: [10, 12] });
});

test('after a failure nobody waits for the rest', async () => {
  const input = new Readable({ read: () => {} });
  input.push('bogus\n');
  const { code } = await bridge.runWith(input, '-batch', '-');
  expect({ code, destroyed: input.destroyed }).toEqual({ code: 1, destroyed: true });
});

test('options hold for all commands of a batch', async () => {
  const { out } = await bridge.run('-j', '-b', script('vlan show dev vm1\nvlan tunnelshow\n'));
  expect(out).toBe('[{"ifname":"vm1","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]}]}]\n[]\n');
});

test.each([
  ['/nonexist', 'No such file or directory'],
  ['/tmp', 'Is a directory'],
])('a file that cannot be read is said: %s', async (file, why) => {
  const error = `Cannot open file "${file}" for reading: ${why}\n`;
  expect(await bridge.run('-b', file)).toEqual({ out: '', error, code: 1 });
});

test('a batch ends when the daemon is gone', async () => {
  await bridge.stop();
  const commands = Readable.from(['vlan show\nvlan show\n']);
  expect(await bridge.runWith(commands, '-force', '-b', '-')).toEqual({
    out: '',
    error: expect.stringMatching(/^taploomd is not running: [^\n]*\n$/),
    code: 255,
  });
});

const TABLE = 'port              vlan-id  \nvm1               1 PVID Egress Untagged\n';

test.each([
  ['-4'],
  ['-6'],
  ['-family inet'],
  ['-f inet6'],
  ['-c'],
  ['-color=auto'],
  ['-t'],
  ['-force'],
  ['-com'],
  ['--'],
])('%s changes nothing', async (option) => {
  const { out, code } = await bridge.run(...option.split(' '), 'vlan', 'show', 'dev', 'vm1');
  expect({ out, code }).toEqual({ out: TABLE, code: 0 });
});

test.each([
  ['-f bogus link', 'Error: argument "bogus" is wrong: invalid protocol family\n'],
  ['-color=bogus link', 'Option "-color=bogus" is unknown, try "bridge help".\n'],
  ['-n nope link', 'Cannot open network namespace "nope": No such file or directory\n'],
  ['-n', 'Cannot open network namespace "(null)": No such file or directory\n'],
  ['-b', expect.stringMatching(/^Usage: bridge \[ OPTIONS \]/)],
  ['-f', expect.stringMatching(/^Usage: bridge \[ OPTIONS \]/)],
  ['- link', expect.stringMatching(/^Usage: bridge \[ OPTIONS \]/)],
  ['help', expect.stringMatching(/^Usage: bridge \[ OPTIONS \]/)],
  ['vni show', expect.stringMatching(/^Error: A VXLAN port has one VNI: /)],
  ['link --socket', '--socket needs the path of the control socket behind it.\n'],
])('bridge %s is refused', async (command, error) => {
  expect(await bridge.run(...command.split(' '))).toEqual({ out: '', error, code: 255 });
});

test('our own options may stand anywhere', async () => {
  const [{ socket }] = [bridge];
  const told = '[{"mdb":[],"router":{}}]\n';
  for (const words of [
    ['--socket', socket, '--json', 'mdb', 'show'],
    ['mdb', 'show', '--json', '--socket', socket],
    [`--socket=${socket}`, 'mdb', '--json', 'show', 'dev', 'br0'],
  ])
    expect(await bridge.runAt('/nonexist', words)).toEqual({ out: told, error: '', code: 0 });
});
