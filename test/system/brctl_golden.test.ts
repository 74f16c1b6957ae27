// Runs Debian's brctl on kernel bridges in a network namespace, and ours on a fake switch, with the same commands, and
// compares output, error output and exit codes byte for byte, command by command.

import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runBrctl } from '../../src/cli/brctl/run.ts';
import { ControlFixture } from '../cli/control_fixture.ts';

const NETNS = `tlcli-${process.pid}`;
const brctl = new ControlFixture(runBrctl);

// Names that the root namespace does not have: ours asks /sys/class/net there.
const PORTS = ['tlc1', 'tlc2', 'tlc3', 'tlc10'];
const CABLE = 'tlc4';

beforeAll(async () => {
  execFileSync('ip', ['netns', 'add', NETNS]);
  for (const [i, name] of PORTS.entries()) {
    execFileSync('ip', ['-n', NETNS, 'tuntap', 'add', name, 'mode', 'tap']);
    execFileSync('ip', ['-n', NETNS, 'link', 'set', name, 'address', `02:00:00:00:00:0${i + 1}`]);
    brctl.api.macs.set(name, `02:00:00:00:00:0${i + 1}`);
  }
  const peer = ['type', 'veth', 'peer', 'name', 'tlc4p'];
  execFileSync('ip', ['-n', NETNS, 'link', 'add', CABLE, 'address', '02:00:00:00:00:09', ...peer]);
  for (const name of [CABLE, 'tlc4p']) execFileSync('ip', ['-n', NETNS, 'link', 'set', name, 'up']);
  await brctl.start();
});
afterAll(async () => {
  await brctl.stop();
  execFileSync('ip', ['netns', 'del', NETNS]);
});

function kernel(args: string[]) {
  const { stdout, stderr, status } = spawnSync('ip', ['netns', 'exec', NETNS, 'brctl', ...args], {
    encoding: 'utf8',
  });
  return { out: stdout, error: stderr, code: status };
}

/** The kernel gives a bridge the lowest address of its ports; the fake switch must be told. */
function giveBridgesAddresses() {
  for (const [name, { ports }] of Object.entries(brctl.api.config.bridges)) {
    const macs = Object.keys(ports).map((port) => brctl.api.macs.get(port) ?? '');
    brctl.api.macs.set(name, macs.sort()[0] ?? '00:00:00:00:00:00');
  }
}

// In order: each line finds what the lines before it left.
const SESSION: string[][] = [
  [],
  ['--help'],
  ['-h'],
  ['-hV'],
  ['help'],
  ['frobnicate', 'br0'],
  ['--frobnicate'],
  ['-x'],
  ['-5'],
  ['--help=yes'],
  ['show', '--help'],
  ['addbr'],
  ['delbr'],
  ['addif', 'tlcb0'],
  ['delif', 'tlcb0'],
  ['hairpin', 'tlcb0', 'tlc1'],
  ['setageing', 'tlcb0'],
  ['setfd', 'tlcb0'],
  ['setbridgeprio', 'tlcb0'],
  ['setpathcost', 'tlcb0', 'tlc1'],
  ['showmacs'],
  ['showstp'],
  ['stp', 'tlcb0'],
  ['show'],
  ['addbr', 'tlcb0'],
  ['addbr', 'tlcb0'],
  ['addbr', 'tlcb1', 'ignored'],
  ['addbr', 'a/b'],
  ['addbr', 'a b'],
  ['addbr', '.'],
  ['addbr', ''],
  ['show', 'tlcb0', 'nope', 'tlcb1'],
  ['show', 'nope'],
  ['--', 'show', 'nope'],
  ['addif', 'tlcb0', 'tlc2', 'tlc10', 'tlc1'],
  ['addif', 'tlcb0', 'tlc1'],
  ['addif', 'tlcb1', 'tlc1'],
  ['addif', 'tlcb0', 'tlcb1'],
  ['addif', 'tlcb0', 'tlc3', 'tlc1'],
  ['addbr', 'tlc1'],
  ['show', 'tlc1'],
  ['show', 'tlcb0'],
  ['showmacs', 'nope'],
  ['showmacs', 'tlc1'],
  ['showmacs', 'tlcb1'],
  ['setageing', 'tlcb0', '100'],
  ['setageing', 'tlcb0', '1e2'],
  ['setageing', 'tlcb0', '.5'],
  ['setageing', 'tlcb0', '100 seconds'],
  ['setageing', 'tlcb0', '0'],
  ['setageing', 'tlcb0', 'soon'],
  ['setageing', 'tlcb0', ''],
  ['setageing', 'tlcb0', '-5'],
  ['setageing', 'nope', '100'],
  ['hairpin', 'tlcb0', 'tlc1', 'maybe'],
  ['hairpin', 'tlcb0', 'tlc1', 'on'],
  ['hairpin', 'tlcb0', 'tlc1', 'no'],
  ['hairpin', 'tlcb0', 'tlc1', '1'],
  ['hairpin', 'tlcb0', 'nope', 'on'],
  ['hairpin', 'nope', 'tlc1', 'on'],
  ['hairpin', 'nope', 'nope', 'on'],
  ['hairpin', 'tlcb0', 'tlcb1', 'on'],
  ['stp', 'tlcb0', 'off'],
  ['stp', 'tlcb0', 'no'],
  ['stp', 'tlcb0', '0'],
  ['stp', 'tlcb0', 'ON'],
  ['stp', 'nope', 'on'],
  ['delif', 'nope', 'tlc1'],
  ['delif', 'nope', 'nope'],
  ['delif', 'tlcb1', 'tlc1'],
  ['delif', 'tlcb0', 'tlcb1'],
  ['delif', 'tlcb0', 'tlc10', 'nope', 'tlc1'],
  ['show', 'tlcb0'],
  ['delbr', 'nope'],
  ['delbr', 'tlc1'],
  ['delbr', 'tlcb0'],
  ['delbr', 'tlcb0'],
  ['show', 'tlcb0'],
];

test('says what bridge-utils says, command by command', async () => {
  for (const args of SESSION) {
    const theirs = kernel(args);
    giveBridgesAddresses();
    expect({ args, ...(await brctl.run(...args)) }).toEqual({ args, ...theirs });
  }
});

test('lists all bridges in the order of their names', async () => {
  for (const name of ['tlcz', 'tlca', 'tlcm']) expect(kernel(['addbr', name]).code).toBe(0);
  for (const name of ['tlcz', 'tlca', 'tlcm']) await brctl.run('addbr', name);
  giveBridgesAddresses();
  expect(await brctl.run('show')).toEqual(kernel(['show']));
});

// Ports with the lowest address first: to ports that are down, the kernel keeps telling the bridge id that it had before.
const STP_SESSION: string[][] = [
  ['addbr', 'tlcs'],
  ['showstp', 'tlcs'],
  ['setbridgeprio', 'tlcs', '0x1000'],
  ['setbridgeprio', 'tlcs', '70000'],
  ['setbridgeprio', 'tlcs', 'first'],
  ['setbridgeprio', 'nope', '1'],
  ['addif', 'tlcs', 'tlc1', 'tlc10', CABLE],
  ['up'],
  ['setbridgeprio', 'tlc1', '1'],
  ['show', 'tlcs'],
  ['showstp', 'tlcs'],
  ['showstp', 'nope'],
  ['showstp', 'tlc1'],
  ['setfd', 'tlcs', '0'],
  ['setfd', 'tlcs', '1.5 seconds'],
  ['setfd', 'tlcs', '500'],
  ['setfd', 'tlcs', '1e2'],
  ['setfd', 'tlcs', 'soon'],
  ['setfd', 'nope', '1'],
  ['setfd', 'tlc1', '1'],
  ['sethello', 'tlcs', '1.5'],
  ['sethello', 'tlcs', '0.99'],
  ['sethello', 'tlcs', '11'],
  ['sethello', 'tlcs', 'x'],
  ['sethello', 'nope', '1'],
  ['setmaxage', 'tlcs', '40'],
  ['setmaxage', 'tlcs', '5'],
  ['setmaxage', 'tlcs', '41'],
  ['setmaxage', 'tlcs', 'x'],
  ['setmaxage', 'nope', '20'],
  ['setpathcost', 'tlcs', 'tlc1', '50'],
  ['setpathcost', 'tlcs', 'tlc1', '65535'],
  ['setpathcost', 'tlcs', 'tlc1', '0'],
  ['setpathcost', 'tlcs', 'tlc1', '65536'],
  ['setpathcost', 'tlcs', 'tlc1', 'x'],
  ['setpathcost', 'tlcs', 'nope', '5'],
  ['setpathcost', 'nope', 'tlc1', '5'],
  ['setpathcost', 'tlcs', 'tlcs', '5'],
  ['setpathcost', 'tlcs', 'lo', '5'],
  ['setportprio', 'tlcs', CABLE, '63'],
  ['setportprio', 'tlcs', CABLE, '010'],
  ['setportprio', 'tlcs', CABLE, '64'],
  ['setportprio', 'tlcs', CABLE, 'x'],
  ['setportprio', 'tlcs', 'nope', '5'],
  ['hairpin', 'tlcs', 'tlc10', 'on'],
  ['setageing', 'tlcs', '12.5'],
  ['stp', 'tlcs', 'off'],
  ['showstp', 'tlcs'],
  ['show', 'tlcs'],
];

/** The kernel starts these two with the bridge and each port, though nobody waits for them. */
function withoutTimers(out: string): string {
  return out.replace(/(gc timer|forward delay timer)(\t+) *\d+\.\d\d/g, '$1$2   0.00');
}

test('parameters of spanning tree, and what showstp tells while it is off', async () => {
  for (const name of ['tlc1', 'tlc10']) brctl.api.states.set(name, 'down');
  brctl.api.macs.set(CABLE, '02:00:00:00:00:09');
  for (const args of STP_SESSION) {
    if (args[0] === 'up') {
      execFileSync('ip', ['-n', NETNS, 'link', 'set', 'tlcs', 'up']);
      continue;
    }
    const theirs = kernel(args);
    giveBridgesAddresses();
    const ours = await brctl.run(...args);
    expect({ args, ...ours }).toEqual({ args, ...theirs, out: withoutTimers(theirs.out) });
  }
});
