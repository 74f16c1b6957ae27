// The bench suite still runs: benches with real devices, the C peers, rounds so short that the figures mean nothing.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../bench/report.ts';
import { hasLinux } from '../support/kernel.ts';
import { needs } from '../support/needs.ts';

needs('iperf3', 'taskset', 'sysctl');

const PROGRAM = fileURLToPath(new URL('../../scripts/bench.mjs', import.meta.url));
/** Three, so that a single round of 0.1 s that fails on a busy machine decides nothing. */
const SHORT = ['--quick', '--rounds', '3', '--seconds', '0.1', '--peers', 'pump'];

function startBench(...args: string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...SHORT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGTERM'));
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said.stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, said, ended };
}

/** Namespaces of the run, which must be gone at its end. */
const left = (pid: number | undefined) =>
  existsSync('/run/netns')
    ? readdirSync('/run/netns').filter((name) => name.startsWith(`tlbench-${pid}-`))
    : [];

test('two workers are compared with one', async () => {
  const { said, ended } = startBench('workers', '--json');
  expect(await ended, said.stderr).toBe(0);
  const [{ outcome }] = (JSON.parse(said.stdout) as Report).benches;
  expect(outcome.results).toMatchObject([{ what: expect.stringContaining('2 workers / 1') }]);
  expect(outcome.curves?.[0].curves[0].points.map(({ x }) => x)).toEqual([1, 2]);
});

test('benches measure Taploom beside its peers, write their report, and leave nothing behind', async () => {
  const out = mkdtempSync(join(tmpdir(), 'taploom-bench-'));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const { child, said, ended } = startBench('udp', 'af_packet', 'vxlan', 'start', '--json', '--out', out);
  expect(await ended, said.stderr).toBe(0);
  const { benches } = JSON.parse(said.stdout) as Report;
  const peers: Record<string, string[]> = {
    af_packet: ['C AF_PACKET pump'],
    udp: ['C pump'],
    vxlan: ['C VXLAN pump', ...(hasLinux(6, 17) ? ['C tunnel GSO pump'] : [])],
  };
  for (const { name, missing, outcome } of benches) {
    expect(missing, name).toBeUndefined();
    expect(outcome.results.length, name).toBeGreaterThan(0);
    for (const { what, bars } of outcome.bars ?? []) {
      expect(
        bars.map((bar) => bar.name),
        what,
      ).toEqual(['Taploom', ...(peers[name] ?? [])]);
      for (const { median } of bars) expect(median, what).toBeGreaterThan(0);
    }
    if (name in peers) expect(readFileSync(join(out, `${name}.svg`), 'utf8')).toContain('</svg>');
  }
  expect(benches.map(({ name }) => name).sort()).toEqual(['af_packet', 'start', 'udp', 'vxlan']);
  expect(left(child.pid)).toEqual([]);
}, 180_000);

test('the forwarding thread collects no garbage while TCP saturates it', async () => {
  const { said, ended } = startBench('scavenges', '--json');
  expect(await ended, said.stderr).toBe(0);
  const [{ outcome }] = (JSON.parse(said.stdout) as Report).benches;
  expect(outcome.results).toMatchObject([{ what: expect.stringContaining('scavenges of the') }]);
  // One may be of code that is compiled late; 12 bytes a poll are four or five.
  expect(outcome.results[0].value).toBeLessThan(2);
});

test('Ctrl-C in the middle of a round leaves nothing behind', async () => {
  const { child, said, ended } = startBench('udp', '--rounds', '1000');
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && !said.stderr.includes('round 2 of'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(over, said.stderr).toBe(false);
  expect(left(child.pid)).not.toEqual([]);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(left(child.pid)).toEqual([]);
});
