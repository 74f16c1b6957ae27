// `taploom top` on a pseudo-terminal of `script`: what it draws, and that it gives the terminal back.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { program, Taploomd } from '../support/taploomd.ts';

needs('script', 'stty', 'mkfifo');

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?25h\x1b[?1049l';

async function openTop(terminal = 'xterm') {
  const lab = await openLab();
  const [where, host] = await lab.netnsList(['sw', 'a']);
  const bridges = { br0: { local: false, ports: { vm1: { type: 'tap', netns: host.name } } } };
  const daemon = await Taploomd.start(lab, where, { version: 1, bridges });
  const fifo = join(lab.dir, 'keys');
  execFileSync('mkfifo', [fifo]);
  const keys = openSync(fifo, 'r+');
  onTestFinished(() => closeSync(keys));
  const top = `exec '${process.execPath}' '${program('taploom')}' --socket '${daemon.socket}' top --interval 0.1`;
  const screen = lab.spawn(['sh', '-c', `script -qfec "$INNER" /dev/null < '${fifo}'`], {
    env: {
      INNER: 'stty cols 80 rows 24; sh -c "echo pid \\$\\$; $TOP"; echo status $?; stty -a',
      TOP: top,
      SHELL: '/bin/sh',
      TERM: terminal,
    },
  });
  const [, pid] = await screen.waitFor(/pid (\d+)/);
  await screen.waitFor(/vm1 +br0 +\S*up/);
  /** What `script` shows once the terminal is given back. */
  const after = async () => {
    await screen.exit();
    const [drawn, rest] = screen.stdout.split(LEAVE);
    expect(drawn).toContain(ENTER);
    expect(rest).toMatch(/ icanon /);
    expect(rest).toMatch(/ echo /);
    return rest;
  };
  return { daemon, screen, pid: Number(pid), press: (text: string) => writeSync(keys, text), after };
}

test('it takes keys, waits for the daemon, and q gives the terminal back', async () => {
  const { daemon, screen, press, after } = await openTop();
  press('/vm1');
  await screen.waitFor(/1 match vm1/);
  press('\r');
  await daemon.process.stop();
  await screen.waitFor(/taploomd is not running/);
  press('q');
  expect(await after()).toContain('status 0');
});

test('so does a signal', async () => {
  const { pid, after } = await openTop();
  process.kill(pid, 'SIGTERM');
  expect(await after()).toContain('status 143');
});

test('a terminal that knows no escape codes gets what a pipe gets', async () => {
  const { screen } = await openTop('dumb');
  expect(screen.stdout).not.toContain('\x1b');
});
