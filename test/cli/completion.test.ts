// Completion in the three shells, run as they are: scripts come from `taploom completion`, names from a running switch.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BRCTL_COMMANDS } from '../../src/cli/brctl/usage.ts';
import { BRIDGE_COMMANDS } from '../../src/cli/bridge/usage.ts';
import { daemonCommand } from '../../src/cli/daemon_command.ts';
import { taploomProgram } from '../../src/cli/program.ts';
import { completer, isInstalled } from './completion_words.ts';
import { leaves } from './leaves.ts';
import { simulatedCli } from './simulated_cli.ts';

const tap = { type: 'tap' };
const cli = simulatedCli({
  version: 1,
  bridges: {
    br0: { ports: { vm1: tap, vm2: tap, 'a$(x)': { type: 'memory' } } },
    br1: { ports: { up0: tap } },
  },
});

const PORT_VERBS = ['add', 'del', 'enable', 'qemu-args', 'set', 'show'];
const NONE: string[] = [];

// An interactive zsh needs a second to start, and much more on a busy machine.
describe.each(['bash', 'zsh', 'fish'] as const)('%s', { timeout: 60_000 }, (shell) => {
  const words = async (...lines: string[]): Promise<string[][]> => {
    const { out } = await cli.run('completion', shell);
    const complete = completer(shell, cli.directory, out, join(cli.directory, 'c.sock'));
    return complete(lines);
  };
  const it = test.runIf(isInstalled(shell));

  it('offers commands, and after a command its own', async () => {
    expect(await words('taploom ', 'taploom port ', 'taploom port s', 'taploom help port ')).toEqual([
      taploomProgram()
        .commands.map((command) => command.name())
        .filter((name) => name !== 'names')
        .sort(),
      PORT_VERBS,
      ['set', 'show'],
      PORT_VERBS,
    ]);
  });

  it('offers options once a hyphen is typed, those of the program too', async () => {
    expect(await words('taploom events --', 'taploom --s', 'taploomd --log', 'taploom-brctl --v')).toEqual([
      ['--bridge', '--follow', '--help', '--json', '--port', '--since', '--socket', '--type'],
      ['--socket'],
      ['--log-format', '--log-level'],
      ['--version'],
    ]);
  });

  it('offers the words that an option takes, and goes on after them', async () => {
    expect(
      await words(
        'taploom port add br0 vm1 --type ',
        'taploom port set --hairpin o',
        'taploom bridge set --vlan-filtering ',
        'taploom port set --mtu 1400 b',
        'taploom port add br0 vm1 --mtu ',
        'taploomd --log-format ',
      ),
    ).toEqual([
      ['af_packet', 'aggregate', 'dgram', 'memory', 'stream', 'tap', 'tun', 'veth', 'vhost_user', 'vxlan'],
      ['off', 'on'],
      ['off', 'on'],
      ['br0', 'br1'],
      NONE,
      ['json', 'text'],
    ]);
  });

  it('offers names from the running switch where one is meant, and none where a new one is', async () => {
    expect(
      await words(
        'taploom bridge del b',
        'taploom bridge add ',
        'taploom port del br0 v',
        'taploom port add br0 ',
        'taploom fdb show br1 --port ',
        'taploom fdb add br0 02:00:5e:10:00:01 v',
        'taploom-brctl delif br1 ',
        'taploom bench loss vm1 up',
      ),
    ).toEqual([['br0', 'br1'], NONE, ['vm1', 'vm2'], NONE, ['up0'], ['vm1', 'vm2'], ['up0'], ['up0']]);
  });

  it('asks the socket that stands on the line', async () => {
    expect(
      await words('taploom --socket /nowhere bridge del ', 'taploom bridge del --socket=/nowhere '),
    ).toEqual([NONE, NONE]);
  });

  it('has no names from a switch that does not answer', async () => {
    const silent = createServer().listen(join(cli.directory, 'silent.sock'));
    onTestFinished(() => void silent.close());
    const started = performance.now();
    expect(await words('taploom --socket ../silent.sock bridge del ')).toEqual([NONE]);
    expect(performance.now() - started).toBeLessThan(10_000); // node:http alone would wait for ever
  });

  it('does not run what a name contains', async () => {
    const [found] = await words('taploom port del br0 a');
    expect(found.map((word) => word.replaceAll('\\', ''))).toEqual(['a$(x)']);
  });

  it('offers files where a file is meant, and nowhere else', async () => {
    const home = join(cli.directory, 'home');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'switch.yaml'), '');
    expect(
      await words('taploom apply sw', 'taploomd --config sw', 'taploom show sw', 'taploom fdb del br0 sw'),
    ).toEqual([['switch.yaml'], ['switch.yaml'], NONE, NONE]);
  });
});

describe('the script', () => {
  test.each(['bash', 'zsh', 'fish'] as const)('for %s has every command and option', async (shell) => {
    const { code, out } = await cli.run('completion', shell);
    expect(code).toBe(0);
    const commander = [
      ...leaves(taploomProgram(), ['taploom']),
      ...leaves(daemonCommand(), ['taploomd']),
      ...BRCTL_COMMANDS.map(({ name }) => ({ path: `taploom-brctl ${name}`, options: ['--help'] })),
      ...BRIDGE_COMMANDS.map(({ object, name }) => ({
        path: `taploom-bridge ${object} ${name}`.trimEnd(),
        options: [],
      })),
    ];
    const missing = commander.flatMap(({ path, options }) => {
      const at = out.indexOf(`'${path}'`);
      const block = out.slice(at, out.indexOf("'taploom", at + 10));
      const absent = options.filter((option) => !block.includes(`'${option}`));
      return at < 0 ? [path] : absent.map((option) => `${path} ${option}`);
    });
    expect(commander.length).toBeGreaterThan(30);
    expect(missing).toEqual([]);
  });

  test('is for a shell that we know', async () => {
    const { code, error } = await cli.run('completion', 'tcsh');
    expect(code).toBe(2);
    expect(error).toContain('bash, zsh, fish');
  });
});
