// The man pages: complete, clean roff, and part of what npm packs.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { BRCTL_COMMANDS } from '../../src/cli/brctl/usage.ts';
import { BRIDGE_COMMANDS } from '../../src/cli/bridge/usage.ts';
import { daemonCommand } from '../../src/cli/daemon_command.ts';
import { manPages } from '../../src/cli/manual/pages.ts';
import { taploomProgram } from '../../src/cli/program.ts';
import { isInstalled } from './completion_words.ts';
import { leaves } from './leaves.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const pages = manPages('2026-01-31');
const NAMES = ['taploom.1', 'taploomd.8', 'taploom-brctl.8', 'taploom-bridge.8'];
const run = promisify(execFile);

/** Without fonts and escapes, as one would search it. */
const words = (roff: string) =>
  roff
    .replaceAll(/\\f[BIR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\&', '');
const page = (name: string) => words(pages.get(name) ?? '');

/** The text of one subsection, and with it that of the command whose options it refers to. */
function subsection(text: string, path: string): string {
  const body = new RegExp(`^\\.SS ${path}(?= |$)(.*\\n(?!\\.S[SH]))*`, 'm').exec(text)?.[0] ?? '';
  const twin = /^The options of ([a-z ]+?)(?: except|, and:|\.)/m.exec(body)?.[1];
  return twin === undefined ? body : `${body}${subsection(text, twin)}`;
}

test('every command and option that is not hidden is there', () => {
  const missing = leaves(taploomProgram()).flatMap(({ path, options }) => {
    const body = subsection(page('taploom.1'), path);
    if (body === '') return [path];
    return options.filter((option) => !body.includes(option)).map((option) => `${path} ${option}`);
  });
  expect(missing).toEqual([]);

  const daemon = daemonCommand().options.map(({ long }) => long as string);
  expect(daemon.filter((option) => !new RegExp(`\n${option}[ \n]`).test(page('taploomd.8')))).toEqual([
    '--version',
  ]);
  const brctl = BRCTL_COMMANDS.map(({ name }) => name);
  expect(brctl.filter((name) => subsection(page('taploom-brctl.8'), name) === '')).toEqual([]);
  const bridge = BRIDGE_COMMANDS.map(({ object, name }) => `${object} ${name}`.trimEnd());
  expect(bridge.filter((path) => subsection(page('taploom-bridge.8'), path) === '')).toEqual([]);
});

test.each(NAMES)('%s has the sections that readers look for', (name) => {
  const titles = [...page(name).matchAll(/^\.SH (.*)$/gm)].map((match) => match[1]);
  for (const title of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'ENVIRONMENT', 'FILES']) {
    expect(titles).toContain(title);
  }
  expect(titles.slice(-2)).toEqual(['EXAMPLES', 'SEE ALSO']);
});

test('a hyphen can be copied, and nothing in a text is a request', () => {
  for (const roff of pages.values()) {
    expect(words(roff.replaceAll('\\-', ''))).not.toMatch(/\w--\w/);
    const requests = [...roff.matchAll(/^[.'](\S*)/gm)].map((match) => match[1]);
    expect([...new Set(requests)].sort()).toEqual(
      expect.arrayContaining(['BR', 'EE', 'EX', 'HP', 'SH', 'TH', 'TP']),
    );
    expect(requests.filter((request) => !/^(\\"|[A-Z]{2}|nh|ad)$/.test(request))).toEqual([]);
  }
});

test.runIf(isInstalled('man')).each(NAMES)('%s: man has nothing to complain of', async (name) => {
  const directory = mkdtempSync(join(tmpdir(), 'tlman-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, name);
  writeFileSync(file, pages.get(name) ?? '');
  const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', MANWIDTH: '80', HOME: directory };
  const { stdout, stderr } = await run('man', ['--warnings', '--local-file', file], { env });
  expect(stderr).toBe('');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('npm packs the pages where package.json says, and the walkers of the completion', async () => {
  const { man } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { man: string[] };
  expect(man).toEqual(NAMES.map((name) => `./man/${name}`));
  const options = { cwd: ROOT, maxBuffer: 1e8 };
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], options);
  const packed = [...stdout.matchAll(/"path": "([^"]*)"/g)].map((match) => match[1]);
  expect(packed).toEqual(expect.arrayContaining(NAMES.map((name) => `man/${name}`)));
  const walkers = ['bash', 'zsh', 'fish'].map((shell) => `completion/walk.${shell}`);
  expect(packed).toEqual(expect.arrayContaining(walkers));
}, 60_000);
