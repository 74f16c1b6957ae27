import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Outcome } from '../../bench/bench.ts';
import { folderOf, markdown, newReport, processor, publish, renewed, save } from '../../bench/report.ts';

const outcome: Outcome = {
  results: [
    {
      what: 'speed',
      value: 0.9,
      unit: 'times',
      interval: [0.8, 1],
      expected: { atLeast: 0.97 },
      detail: 'a | b',
    },
    { what: 'start', value: 0.4, unit: 's', expected: { atMost: 0.5 } },
    { what: 'heap', value: 5, unit: 'bytes', limited: 'by the generator' },
  ],
  unmeasured: [{ what: 'distance', unit: 'times', expected: { atLeast: 2 }, why: 'VDE is left out' }],
  bars: [
    {
      name: 'tcp',
      what: 'TCP',
      unit: 'Gb/s',
      better: 'more',
      bars: [{ name: 'Taploom', median: 12.345, interval: [12, 13] }],
    },
  ],
  notes: ['VDE is left out.'],
};

function aReport() {
  const report = newReport(15, 1, 0.034);
  report.benches.push(
    { name: 'tcp', question: 'How fast?', outcome },
    { name: 'udp', question: 'How many?', outcome: { results: [] }, missing: 'It needs root.' },
  );
  return report;
}

test('Markdown has what was reached, what was missed, and what was left out', () => {
  const text = markdown(aReport());
  expect(text).toContain('Just before, other work took 3 % of the CPUs.');
  expect(text).toContain('1 of 3 numbers are reached, 1 not measured; 1 of 2 benches have no result.');
  expect(text).toContain('| speed | 0.900 (0.800 to 1.00) times | **missed**: at least 0.97 | a / b |');
  expect(text).toContain('| start | 0.400 s | reached: at most 0.5 |  |');
  expect(text).toContain('| distance |  | **not measured**: at least 2 times | VDE is left out |');
  expect(text).toContain('| heap | 5.00 bytes | limited by the generator |  |');
  expect(text).toContain('| Taploom | 12.3 (12.0 to 13.0) |  |');
  expect(text).toContain('![How fast?](./tcp.svg)');
  expect(text).toContain('- VDE is left out.');
  expect(text).toContain('- No result: It needs root.');
});

test('processors are told apart by what names their kind', () => {
  expect(processor('AMD EPYC')).toBe('AMD EPYC');
  expect(processor('AMD EPYC 7B13 64-Core Processor')).toBe('AMD EPYC 7B13');
  expect(processor('Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz')).toBe('Intel Xeon Platinum 8375C');
  expect(processor('Neoverse-N1')).toBe('Neoverse-N1');
});

test('a saved report has JSON, Markdown and a chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taploom-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const report = aReport();
  save(report, folder);
  expect(readdirSync(folder).sort()).toEqual(['results.json', 'results.md', 'tcp.svg']);
  expect(JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'))).toEqual(report);
});

test('a run replaces the column of its own kind of processor only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taploom-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const results = join(folder, 'results');
  const document = join(folder, 'performance.md');
  const [begin, end] = ['<!-- results: written by npm run bench -->', '<!-- end of results -->'];
  writeFileSync(document, `before\n${begin}\nold\n${end}\nafter\n`);
  const run = (cpu: string, value: number) => {
    const report = aReport();
    report.machine.cpu = cpu;
    report.benches[0].outcome = { ...outcome, results: [{ ...outcome.results[0], value }] };
    save(report, folderOf(report, results));
    publish(report, document, results);
  };
  run('AMD EPYC', 0.8);
  run('Intel(R) Xeon(R) Processor @ 2.60GHz', 1);
  run('AMD EPYC', 0.9);
  const text = readFileSync(document, 'utf8');
  expect(text).toMatch(/^before\n<!--[\s\S]*-->\nafter\n$/);
  expect(text).not.toContain('\nold\n');
  expect(text).not.toContain('**0.800 (');
  expect(text).toContain('|  | AMD EPYC | Intel Xeon |');
  const row = '| speed; at least 0.97 | **0.900 (0.800 to 1.00) times** | **1.00 (0.800 to 1.00) times** |';
  expect(text).toContain(row);
  expect(text).toContain(
    '| distance; at least 2 | not measured: VDE is left out | not measured: VDE is left out |',
  );
  expect(text).toContain('(results/amd-epyc/tcp.svg)');
});

test('a run of some benches keeps the others, which say from when they are', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taploom-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = ['engine', 'tcp', 'udp'];
  const run = (day: string, rounds: number, ...benches: string[]) => {
    const report = newReport(rounds, 1, 0);
    report.date = `${day}T12:00:00.000Z`;
    report.benches.push(...benches.map((name) => ({ name, question: 'How fast?', outcome })));
    const results = renewed(report, folder, names);
    save(results, folder);
    return results;
  };
  run('2026-01-01', 15, 'tcp', 'udp', 'gone');
  run('2026-02-02', 30, 'engine');
  const results = run('2026-03-03', 15, 'tcp');
  expect(results.benches.map(({ name, date }) => [name, date?.slice(0, 10)])).toEqual([
    ['engine', '2026-02-02'],
    ['tcp', undefined],
    ['udp', '2026-01-01'],
  ]);
  expect(markdown(results)).toContain('2026-03-03');
  expect(markdown(results)).toContain(' Of 2026-02-02, 30 rounds: engine. Of 2026-01-01: udp.');
});
