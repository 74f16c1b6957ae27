// A run as a table for the terminal, as Markdown, and as JSON; and the block of docs/performance.md that holds the last
// complete one. Written whatever came out: what was missed and what was skipped stand there too.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isReached, type Result } from './bench.ts';

/** Seen from dist/bench. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULTS = join(ROOT, 'bench/results');
const DOCUMENT = join(ROOT, 'docs/performance.md');
const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
}

export interface Report {
  /** ISO 8601. */
  date: string;
  machine: Machine;
  rounds: number;
  secondsPerRound: number;
  results: Result[];
  /** Bench -> why it did not run or did not end. */
  missing: Record<string, string>;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}

export function line(result: Result): string {
  return `${result.what}: ${amount(result)}${verdict(result)}${result.detail ? `\n    ${result.detail}` : ''}`;
}

export function markdown({ date, machine, rounds, secondsPerRound, results, missing }: Report): string {
  const { cpu, cores, memoryGiB, kernel, node } = machine;
  const rows = results.map((result) =>
    [result.what, amount(result), verdict(result).trim(), result.detail ?? ''].join(' | '),
  );
  const skipped = Object.entries(missing).map(([name, why]) => `- \`${name}\` has no result: ${why}`);
  return [
    `${date.slice(0, 10)}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}. ` +
      `Traffic: ${rounds} alternating rounds of ${secondsPerRound} s.`,
    '',
    '| | median (95 % interval) | | from |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
    ...(skipped.length > 0 ? ['', ...skipped] : []),
  ].join('\n');
}

/** Writes bench/results/DATE.json and .md, and the block of docs/performance.md. Returns what it wrote. */
export function save(report: Report): string[] {
  mkdirSync(RESULTS, { recursive: true });
  const name = join(RESULTS, report.date.slice(0, 10));
  const text = markdown(report);
  writeFileSync(`${name}.json`, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(`${name}.md`, `${text}\n`);
  const document = readFileSync(DOCUMENT, 'utf8');
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} has no block between ${BEGIN} and ${END}`);
  const block = `${BEGIN}\n\n${text}\n\n`;
  writeFileSync(DOCUMENT, document.slice(0, begin) + block + document.slice(end));
  return [`${name}.json`, `${name}.md`, DOCUMENT];
}

function amount({ value, unit, interval }: Result): string {
  const range = interval ? ` (${interval.map((one) => digits(one, unit)).join(' to ')})` : '';
  return `${digits(value, unit)} ${unit}${range}`;
}

function verdict(result: Result): string {
  const { expected } = result;
  if (expected === undefined) return '';
  const wanted = 'atMost' in expected ? `at most ${expected.atMost}` : `at least ${expected.atLeast}`;
  return ` ${isReached(result) ? 'reached' : '**missed**'}: ${wanted}`;
}

function digits(value: number, unit: string): string {
  if (unit === 'times') return value.toFixed(2);
  return Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(1);
}
