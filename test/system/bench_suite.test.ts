// The bench suite still runs: one bench, one peer, rounds so short that the figures mean nothing.

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../bench/report.ts';
import { needs } from '../support/needs.ts';

needs('iperf3', 'taskset', 'sysctl');

const PROGRAM = fileURLToPath(new URL('../../scripts/bench.mjs', import.meta.url));

test('a quick bench measures Taploom and the C pump, writes its report, and leaves nothing behind', async () => {
  const out = mkdtempSync(join(tmpdir(), 'taploom-bench-'));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const args = [
    'udp',
    '--quick',
    '--rounds',
    '1',
    '--seconds',
    '0.1',
    '--peers',
    'pump',
    '--json',
    '--out',
    out,
  ];
  const running = promisify(execFile)(process.execPath, [PROGRAM, ...args], { timeout: 50_000 });
  const { stdout } = await running;
  const report = JSON.parse(stdout) as Report;
  const [{ outcome, missing }] = report.benches;
  expect(missing).toBeUndefined();
  for (const { what, bars } of outcome.bars ?? []) {
    expect(
      bars.map(({ name }) => name),
      what,
    ).toEqual(['Taploom', 'C pump']);
    for (const { median } of bars) expect(median, what).toBeGreaterThan(0);
  }
  expect(outcome.bars).toHaveLength(6);
  expect(outcome.results.map(({ what }) => what)).toContain('UDP, 18 bytes, received: Taploom / C pump');
  expect(readFileSync(join(out, 'udp.svg'), 'utf8')).toContain('</svg>');
  const left = readdirSync('/run/netns').filter((name) => name.startsWith(`tlbench-${running.child.pid}-`));
  expect(left).toEqual([]);
});
