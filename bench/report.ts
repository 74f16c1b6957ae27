// A run as lines for the terminal, as Markdown, as JSON and as charts; and the block of docs/performance.md that holds
// the last one of each bench on each kind of processor. Written whatever came out: what was missed and what was skipped stand
// there too.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import {
  type BarChart,
  type CurveChart,
  type Expected,
  isReached,
  type Outcome,
  type Result,
  type Unmeasured,
} from './bench.ts';
import { page } from './charts/page.ts';
import { PLACES } from './cpus.ts';
import { round } from './round.ts';

const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';
const RESULTS = 'results.json';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
}

export interface BenchReport {
  name: string;
  question: string;
  outcome: Outcome;
  /** Why it did not run, or did not end. */
  missing?: string;
  /** ISO 8601, and how many rounds there were, if it is not of the run but of an earlier one. */
  date?: string;
  rounds?: number;
}

export interface Report {
  /** ISO 8601. */
  date: string;
  machine: Machine;
  rounds: number;
  secondsPerRound: number;
  places: string;
  /** Share of their time, 0 to 1, that the CPUs were busy with other things just before. */
  busyBefore: number;
  benches: BenchReport[];
}

export function newReport(rounds: number, secondsPerRound: number, busyBefore: number): Report {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  return {
    date: new Date().toISOString(),
    machine,
    rounds,
    secondsPerRound,
    places: PLACES,
    busyBefore,
    benches: [],
  };
}

/** The results in `folder`, where `report` has them anew; in the order of `names`. What is kept says from when it is. */
export function renewed(report: Report, folder: string, names: readonly string[]): Report {
  const file = join(folder, RESULTS);
  if (!existsSync(file)) return report;
  const old = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const isAnew = ({ name }: BenchReport) => report.benches.some((bench) => bench.name === name);
  const kept = old.benches
    .filter((bench) => !isAnew(bench) && names.includes(bench.name))
    .map((bench) => ({ date: old.date, rounds: old.rounds, ...bench }));
  const place = ({ name }: BenchReport) => names.indexOf(name);
  return { ...report, benches: [...kept, ...report.benches].sort((a, b) => place(a) - place(b)) };
}

/** What one bench found, for the terminal. */
export function lines({ results, unmeasured = [], bars = [], notes = [] }: Outcome): string[] {
  return [
    ...bars.flatMap(({ what, unit, bars: all }) => [
      `${what}, ${unit}`,
      ...all.map(
        (bar) => `    ${bar.name.padEnd(22)} ${amount(bar.median, bar.interval)}  ${bar.note ?? ''}`,
      ),
    ]),
    ...results.map((result) => {
      const { what, value, unit, interval, detail } = result;
      const from = detail ? `\n    ${detail}` : '';
      return `${what}: ${amount(value, interval)} ${unit} ${verdict(result)}${from}`;
    }),
    ...unmeasured.map(
      ({ what, unit, expected, why }) => `${what}: not measured: ${wanted(expected)} ${unit}; ${why}`,
    ),
    ...notes,
  ];
}

/** Results, charts and gaps, with every bar as a row of a table; charts lie beside. */
export function markdown(report: Report): string {
  const results = report.benches.flatMap(({ outcome }) => outcome.results);
  const unmeasured = report.benches.flatMap((bench) => bench.outcome.unmeasured ?? []);
  return [
    circumstances(report),
    table(
      ['', 'median (95 % interval)', '', 'from'],
      [...results.map(resultRow), ...unmeasured.map(unmeasuredRow)],
    ),
    ...report.benches.flatMap((bench) => section(bench, '.', true)),
  ].join('\n\n');
}

function circumstances(report: Report): string {
  const { cpu, cores, memoryGiB, kernel, node } = report.machine;
  const results = report.benches.flatMap(({ outcome }) => outcome.results);
  const unmeasured = report.benches.flatMap((bench) => bench.outcome.unmeasured ?? []);
  const silent = report.benches.filter(({ missing }) => missing !== undefined).length;
  const promised = results.filter(({ expected }) => expected !== undefined);
  const reached = promised.filter((result) => isReached(result)).length;
  return (
    `${report.date.slice(0, 10)}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}. ` +
    `Traffic: ${report.rounds} alternating rounds of ${report.secondsPerRound} s. ${report.places} ` +
    `Just before, other work took ${(100 * report.busyBefore).toFixed(0)} % of the CPUs. ` +
    `${reached} of ${promised.length + unmeasured.length} numbers are reached` +
    (unmeasured.length > 0 ? `, ${unmeasured.length} not measured` : '') +
    (silent > 0 ? `; ${silent} of ${report.benches.length} benches have no result.` : '.') +
    earlier(report)
  );
}

/** ` Of 2026-11-28, 30 rounds: heap, host.` */
function earlier({ benches, rounds: usual }: Report): string {
  const runs = new Map<string, string[]>();
  for (const { name, date, rounds = usual } of benches) {
    if (date === undefined) continue;
    const run = `${date.slice(0, 10)}${rounds === usual ? '' : `, ${rounds} rounds`}`;
    runs.set(run, [...(runs.get(run) ?? []), name]);
  }
  return [...runs].map(([run, names]) => ` Of ${run}: ${names.join(', ')}.`).join('');
}

/** Of `AMD EPYC 7B13 64-Core Processor` what tells it from other kinds: `AMD EPYC 7B13`. */
export function processor(model: string): string {
  return model
    .replace(/\((?:r|tm)\)|@.*|\b\d+-core\b|\b(?:cpu|processor)\b/gi, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Where the results of this kind of processor lie in `folder`. */
export function folderOf(report: Report, folder: string): string {
  const name = processor(report.machine.cpu).toLowerCase();
  return join(folder, name.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, ''));
}

/** Writes results.json, results.md and a chart for each bench into `folder`. Returns what it wrote. */
export function save(report: Report, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const charts = report.benches.filter(hasCharts).map(({ name: bench, question, outcome }) => {
    const file = join(folder, `${bench}.svg`);
    writeFileSync(file, page(question, outcome.bars ?? [], outcome.curves ?? []));
    return file;
  });
  const [json, words] = [join(folder, RESULTS), join(folder, 'results.md')];
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(words, `${markdown(report)}\n`);
  return [json, words, ...charts];
}

/**
 * Puts the results of all kinds of processors, each in a folder of `folder`, into the block of a document that is for them,
 * with the charts of `report`.
 */
export function publish(report: Report, document: string, folder: string): void {
  const words = readFileSync(document, 'utf8');
  const [begin, end] = [words.indexOf(BEGIN), words.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${document} has no block between ${BEGIN} and ${END}`);
  const images = relative(join(document, '..'), folderOf(report, folder));
  const parts = [
    ...comparison(readAll(folder)),
    `The charts are of the ${processor(report.machine.cpu)}.`,
    ...report.benches.flatMap((bench) => section(bench, images, false)),
  ];
  writeFileSync(document, `${words.slice(0, begin)}${BEGIN}\n\n${parts.join('\n\n')}\n\n${words.slice(end)}`);
}

function readAll(folder: string): Report[] {
  return readdirSync(folder)
    .sort()
    .map((kind) => join(folder, kind, RESULTS))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report);
}

/** What each run was, and one table: a row for each result, a column for each kind of processor. */
function comparison(reports: readonly Report[]): string[] {
  const rows = new Map<string, string[]>();
  reports.forEach((report, column) => {
    for (const { outcome } of report.benches) {
      for (const result of outcome.results) {
        const { what, value, interval, unit, expected, limited } = result;
        const key = expected === undefined ? what : `${what}; ${wanted(expected)}`;
        const row = rows.get(key) ?? reports.map(() => '');
        const figure = `${amount(value, interval)} ${unit}`;
        row[column] = isReached(result) === false ? `**${figure}**` : figure;
        if (limited) row[column] += ` (limited ${limited})`;
        rows.set(key, row);
      }
      for (const { what, expected, why } of outcome.unmeasured ?? []) {
        const key = `${what}; ${wanted(expected)}`;
        const row = rows.get(key) ?? reports.map(() => '');
        row[column] = `not measured: ${why}`;
        rows.set(key, row);
      }
    }
  });
  const head = ['', ...reports.map(({ machine }) => processor(machine.cpu))];
  return [
    'Medians and their 95 % intervals; bold is missed.',
    reports.map((report) => `- ${circumstances(report)}`).join('\n'),
    table(
      head,
      [...rows].map(([what, cells]) => [what, ...cells]),
    ),
  ];
}

function section({ name, question, outcome, missing }: BenchReport, images: string, full: boolean): string[] {
  const { bars = [], curves = [], notes = [] } = outcome;
  const parts: string[] = [];
  if (hasCharts({ outcome })) parts.push(`![${question}](${images}/${name}.svg)`);
  if (full) parts.push(...bars.map(barTable), ...curves.map(curveTable));
  const gaps = [...(missing === undefined ? [] : [`No result: ${missing}`]), ...notes];
  if (gaps.length > 0) parts.push(gaps.map((gap) => `- ${gap}`).join('\n'));
  return parts.length > 0 ? [`### ${name}`, question, ...parts] : [];
}

function hasCharts({ outcome: { bars = [], curves = [] } }: Pick<BenchReport, 'outcome'>): boolean {
  return bars.length + curves.length > 0;
}

function resultRow(result: Result): string[] {
  const { what, value, unit, interval, detail = '' } = result;
  return [what, `${amount(value, interval)} ${unit}`, verdict(result), detail];
}

function unmeasuredRow({ what, unit, expected, why }: Unmeasured): string[] {
  return [what, '', `**not measured**: ${wanted(expected)} ${unit}`, why];
}

function barTable({ what, unit, bars }: BarChart): string {
  const rows = bars.map(({ name, median, interval, note = '' }) => [name, amount(median, interval), note]);
  return table([what, unit, ''], rows);
}

function curveTable({ what, x, unit, curves }: CurveChart): string {
  const rows = curves.flatMap(({ name, points }) =>
    points.map((point) => [name, point.x.toLocaleString('en'), amount(point.median, point.interval)]),
  );
  return table([what, x, unit], rows);
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '/').replace(/\s+/g, ' ')).join(' | ')} |`;
  return [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n');
}

function amount(value: number, interval?: readonly number[]): string {
  return interval ? `${round(value)} (${interval.map(round).join(' to ')})` : round(value);
}

function verdict(result: Result): string {
  const { expected, limited } = result;
  const words = limited ? [`limited ${limited}`] : [];
  if (expected !== undefined) {
    words.unshift(`${isReached(result) ? 'reached' : '**missed**'}: ${wanted(expected)}`);
  }
  return words.join('; ');
}

function wanted(expected: Expected): string {
  return 'atMost' in expected ? `at most ${expected.atMost}` : `at least ${expected.atLeast}`;
}
