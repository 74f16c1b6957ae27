// A script for a test host, run with bridge-utils on a kernel bridge and with taploom-brctl on taploomd: same output,
// same exit codes, apart from the addresses.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { type RunResult, runCommand } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('brctl', 'ping');

type Brctl = (...args: string[]) => Promise<RunResult>;

/** Each step's exit code and output, with addresses replaced. */
async function transcript(brctl: Brctl, steps: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const step of steps) {
    const { code, stdout } = await brctl(...step.split(' '));
    const text = stdout
      .replaceAll(/8000\.[0-9a-f]{12}/g, '8000.<id>')
      .replaceAll(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, '<mac>')
      .trimEnd();
    lines.push(`$ brctl ${step}\n${text}\n-> ${code}`);
  }
  return lines;
}

const STEPS = [
  'show',
  'addbr br7',
  'addbr br7',
  'show',
  'addif br7 t1',
  'addif br7 t2',
  'show',
  'show br7',
  'setageing br7 100',
  'hairpin br7 t1 on',
  'stp br7 off',
  'addif br7 t1',
  'addif br8 t1',
  'delif br7 t1',
  'delif br7 t1',
  'show br7',
  'delif br7 t2',
  'delbr br7',
  'delbr br7',
  'show',
];

test('a script gets the same output and exit codes from taploom-brctl as from bridge-utils', async () => {
  const lab = await openLab();
  const [kernel, sw] = await lab.netnsList(['kernel', 'sw']);
  await kernel.ip('tuntap add t1 mode tap', 'tuntap add t2 mode tap');
  const ours = await Taploomd.start(lab, sw, { version: 1, bridges: {} });
  // Unlike nsenter, `ip netns exec` mounts the namespace's own /sys, where brctl looks.
  const bridgeUtils: Brctl = (...args) => runCommand(['ip', 'netns', 'exec', kernel.name, 'brctl', ...args]);
  const expected = await transcript(bridgeUtils, STEPS);
  const actual = await transcript((...args) => ours.brctl(...args), STEPS);
  expect(actual).toEqual(expected);
});

test('a bridge made with taploom-brctl connects hosts, and showmacs lists them', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: {} });
  for (const step of ['addbr br7', 'addif br7 t1', 'setageing br7 300', 'hairpin br7 t1 off']) {
    expect((await daemon.brctl(...step.split(' '))).code).toBe(0);
  }
  await sw.ip(`link set dev t1 netns ${h1.name}`); // as one would hand a TAP to a container
  await h1.up('t1', '10.0.0.1/24');
  await sw.up('br7', '10.0.0.254/24');
  expect(await reaches(h1, '10.0.0.254')).toBe(true);
  expect(await ping(sw, '10.0.0.1')).toMatchObject({ received: 5 });

  const { stdout, code } = await daemon.brctl('showmacs', 'br7');
  expect(code).toBe(0);
  const [head, ...rows] = stdout.trimEnd().split('\n');
  expect(head).toBe('port no\tmac addr\t\tis local?\tageing timer');
  const mac = (await h1.link('t1')).address;
  expect(rows.filter((row) => row.includes(mac) && /\tno\t/.test(row))).toHaveLength(1);

  expect((await daemon.brctl('stp', 'br7', 'on')).code).toBe(0);
  expect((await daemon.brctl('show', 'br7')).stdout).toMatch(/^br7\t+\S+\tyes\t/m);
  expect((await daemon.brctl('delif', 'br7', 't1')).code).toBe(0);
  expect((await daemon.brctl('delbr', 'br7')).code).toBe(0);
  expect(await sw.hasLink('br7')).toBe(false);
});
