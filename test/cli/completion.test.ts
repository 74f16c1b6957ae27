// Completion in the three shells, run as they are: scripts come from `taploom completion`, names from a running switch.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { everyGrammar } from '../../src/cli/grammar.ts';
import { programs } from '../../src/cli/programs.ts';
import { completer, isInstalled } from './completion_words.ts';
import { simulatedCli } from './simulated_cli.ts';

const tap = { type: 'tap' };
const cli = simulatedCli({
  version: 1,
  bridges: {
    br0: { ports: { vm1: tap, vm2: tap, 'a$(x)': { type: 'memory' } } },
    br1: { ports: { up0: tap } },
  },
});

const PORT_VERBS = ['add', 'del', 'set', 'show'];
const NONE: string[] = [];

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  const words = async (...lines: string[]): Promise<string[][]> => {
    const { out } = await cli.run('completion', shell);
    const complete = completer(shell, cli.directory, out, join(cli.directory, 'c.sock'));
    const found: string[][] = [];
    for (const line of lines) found.push(await complete(line));
    return found;
  };
  const it = test.runIf(isInstalled(shell));

  it('offers commands, and after a command its own', async () => {
    expect(await words('taploom ', 'taploom port ', 'taploom port s', 'taploom help port ')).toEqual([
      programs()[0]
        .commands.map(({ path }) => path[1])
        .sort(),
      PORT_VERBS,
      ['set', 'show'],
      PORT_VERBS,
    ]);
  });

  it('offers options once a hyphen is typed, those of the program too', async () => {
    expect(await words('taploom stats --', 'taploom --s', 'taploomd --log', 'taploom-brctl --v')).toEqual([
      ['--help', '--interval', '--json', '--rounds', '--socket', '--watch'],
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
      ['af_packet', 'memory', 'tap', 'vxlan'],
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
    const missing = programs().flatMap((program) =>
      [...everyGrammar(program)].flatMap(({ path, flags }) => {
        const at = out.indexOf(`'${path.join(' ')}'`);
        const block = out.slice(at, out.indexOf("'taploom", at + 10));
        const absent = flags.flatMap(({ names }) => names).filter((name) => !block.includes(`'${name}`));
        return at < 0 ? [path.join(' ')] : absent.map((name) => `${path.join(' ')} ${name}`);
      }),
    );
    expect(missing).toEqual([]);
  });

  test('is for a shell that we know', async () => {
    const { code, error } = await cli.run('completion', 'tcsh');
    expect(code).toBe(2);
    expect(error).toContain('bash, zsh, fish');
  });
});
