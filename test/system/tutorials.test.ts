// The tutorials, typed. What a page wants to be typed goes to a root shell on a machine made for it, line by line, and what
// that prints must be what the page shows, up to times, addresses and numbers of processes.
//
//   a `yaml` or `sh` block that begins with `# NAME`   is a file
//   in a `console` block: `# COMMAND`, `left# COMMAND`  is typed, on that machine; a `\` at its end continues it
//   the lines below                                     are what it prints; in the background, what it logs in the end

import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { guestOptions, missingForGuests } from '../support/guest.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { Machine } from '../support/machine.ts';
import { needs } from '../support/needs.ts';
import { type Background, check } from '../support/process.ts';
import { program } from '../support/taploomd.ts';

needs('brctl', 'ping', 'unshare');

const PAGES = fileURLToPath(new URL('../../docs/tutorials/', import.meta.url));
const COMMAND_MS = 60_000;
const LOG_MS = 15_000;

interface Typed {
  readonly on: string;
  readonly command: string;
  readonly shows: string;
}

const page = (name: string) => readFileSync(join(PAGES, `${name}.md`), 'utf8');
const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]);

const files = (text: string): [name: string, content: string][] =>
  blocks(text, '(?:yaml|sh)').flatMap((block) => {
    const name = block.match(/^# (\S+)\n/)?.[1];
    return name === undefined ? [] : [[name, block]];
  });

const typed = (text: string): Typed[] =>
  blocks(text, 'console').flatMap((block) =>
    [...block.matchAll(/^(\w*)# ((?:.*\\\n)*.*)\n((?:(?!\w*# ).*\n)*)/gm)].map(([, on, command, shows]) => ({
      on,
      command,
      shows,
    })),
  );

/** What differs from run to run is a word in angle brackets; columns are as wide as their content. */
function plain(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\S+Z|\d\d:\d\d:\d\d\.\d+/g, '<when>')
    .replace(/\b(?:[\da-f]{2}:){5}[\da-f]{2}\b|(?<=8000\.)[\da-f]{12}\b/g, '<mac>')
    .replace(/(?<=process )\d+/g, '<pid>')
    .replace(/\b[\d./]+ ?m?s\b(?!,)/g, '<time>')
    .replace(/(?<=learned +)\d+\.\d/g, '<age>')
    .replace(/[ \t]+/g, ' ')
    .replace(/ +$/gm, '')
    .trimEnd();
}

/** A root shell that is typed into. */
class Shell {
  private readonly bash: Background;
  private count = 0;

  constructor(machine: Machine, dir: string, env: Record<string, string>) {
    this.bash = machine.spawn(['bash', '-c', `cd ${dir} && exec bash`], env);
  }

  async type({ command, shows }: Typed): Promise<void> {
    const { stdout, stderr } = this.bash;
    const mark = `@@${++this.count} `;
    this.bash.child.stdin?.write(`${command}\necho "${mark}$?"\n`);
    const [, code] = await this.bash.waitFor(new RegExp(`^${mark}(\\d+)$`, 'm'), COMMAND_MS);
    const printed = this.bash.stdout.slice(stdout.length).replace(new RegExp(`${mark}.*\n`), '');
    if (!command.endsWith('&')) expect(plain(printed), command).toBe(plain(shows));
    else if (shows !== '')
      await expect
        .poll(() => plain(this.bash.stderr.slice(stderr.length)), { timeout: LOG_MS })
        .toContain(plain(shows));
    // Who prints nothing has no other way to say that it failed.
    if (shows === '') expect(code, `${command}\n${this.bash.stderr.slice(stderr.length)}`).toBe('0');
  }
}

/** Our programs as `npm link` makes them. */
function linkPrograms(dir: string): string {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  for (const [name, source] of [['taploom'], ['taploomd'], ['taploom-brctl', 'brctl']]) {
    const file = join(bin, name);
    writeFileSync(file, `#!/bin/sh\nexec ${process.execPath} ${program(source ?? name)} "$@"\n`);
    chmodSync(file, 0o755);
  }
  return bin;
}

async function type(lab: Lab, name: string, machines: Record<string, Machine>, env = {}): Promise<void> {
  const text = page(name);
  for (const [file, content] of files(text)) writeFileSync(join(lab.dir, file), content);
  const path = `${linkPrograms(lab.dir)}:/usr/local/sbin:${process.env.PATH}:/usr/sbin:/sbin`;
  const shells = new Map(
    Object.entries(machines).map(([on, machine]) => [
      on,
      new Shell(machine, lab.dir, { PATH: path, ...env }),
    ]),
  );
  const lines = typed(text);
  expect(lines.length).toBeGreaterThan(8);
  for (const line of lines) {
    const shell = shells.get(line.on);
    if (!shell) throw new Error(`${name}.md types on ${line.on}, which is no machine of its test`);
    await shell.type(line);
  }
}

test('each tutorial is typed below', () => {
  expect(readdirSync(PAGES).sort()).toEqual([
    'brctl-script.md',
    'first-switch.md',
    'qemu.md',
    'two-hosts-vxlan.md',
  ]);
});

test('first-switch.md', async () => {
  const lab = await openLab();
  await type(lab, 'first-switch', { '': await Machine.start(lab) });
});

test('two-hosts-vxlan.md', async () => {
  const lab = await openLab();
  const left = await Machine.start(lab);
  const right = await Machine.start(lab);
  const ends = [left, right].map(({ holder }) => ['netns', String(holder.pid), 'name', 'eth0']);
  await check(['ip', 'link', 'add', ...ends[0], 'type', 'veth', 'peer', ...ends[1]]);
  for (const [machine, address] of [
    [left, '192.0.2.1/24'],
    [right, '192.0.2.2/24'],
  ] as const) {
    await check(machine.inside('ip', 'address', 'add', address, 'dev', 'eth0'));
    await check(machine.inside('ip', 'link', 'set', 'eth0', 'up'));
  }
  await type(lab, 'two-hosts-vxlan', { left, right });
});

test('brctl-script.md', async () => {
  const lab = await openLab();
  const machine = await Machine.start(lab);
  // It puts a link there.
  await check(machine.inside('mount', '-t', 'tmpfs', 'tmpfs', '/usr/local/sbin'));
  await type(lab, 'brctl-script', { '': machine });
});

describe('with a guest', () => {
  beforeEach(({ skip }) => {
    const reason = missingForGuests();
    skip(reason !== undefined, reason);
  });

  test('qemu.md', { timeout: 120_000 }, async () => {
    const lab = await openLab();
    const GUEST = guestOptions(lab.dir, '10.0.0.9/24').join(' ');
    await type(lab, 'qemu', { '': await Machine.start(lab) }, { GUEST });
  });
});
