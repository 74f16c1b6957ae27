// Where the switches of a contender spend their time, by perf: the functions in which samples were taken most often.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from './contenders/contender.ts';
import type { Lab } from './lab.ts';
import type { Process } from './process.ts';

const FREQUENCY = '997';
const PATIENCE_MS = 20_000;
/** Bytes; a line for each function that was ever seen. */
const MAX_REPORT = 64 << 20;

/** What Node must be told, so that perf knows the names of JavaScript functions. */
export const PROFILED = ['--perf-basic-prof-only-functions'];

export interface Cost {
  name: string;
  /** Of all samples. */
  percent: number;
}

/** The largest first; undefined without perf. `work` is what they do meanwhile. */
export async function profile(
  lab: Lab,
  processes: readonly Process[],
  seconds: number,
  work: () => Promise<unknown>,
): Promise<Cost[] | undefined> {
  if (!findTool('perf')) return undefined;
  const data = join(lab.folder(), 'perf.data');
  const pids = processes.map(({ pid }) => pid).join(',');
  try {
    const recording = lab.start([
      ...['perf', 'record', '-q', '-F', FREQUENCY, '-o', data, '-p', pids],
      ...['--', 'sleep', String(seconds)],
    ]);
    await work();
    await recording.output(seconds * 1000 + PATIENCE_MS);
    const args = ['report', '-i', data, '--stdio', '--no-children', '-s', 'symbol'];
    const limits = { timeout: PATIENCE_MS, maxBuffer: MAX_REPORT };
    return costs(execFileSync('perf', args, { encoding: 'utf8', stdio: 'pipe', ...limits }));
  } finally {
    // Where V8 tells perf the names; nobody else takes these files away.
    for (const { pid } of processes) rmSync(`/tmp/perf-${pid}.map`, { force: true });
  }
}

/** `    12.34%  [k] copy_page  - -` */
export function costs(report: string): Cost[] {
  const found = [...report.matchAll(/^\s*([\d.]+)%\s+\[.\]\s+(.*?)(?:\s{2,}.*)?$/gm)].map(
    ([, percent, name]) => ({
      name: name.replace(/^JS:[*~^+]?/, '').replace(/ .*\//, ' '),
      percent: Number(percent),
    }),
  );
  return found.sort((a, b) => b.percent - a.percent);
}
