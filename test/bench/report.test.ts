import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Outcome } from '../../bench/bench.ts';
import { markdown, newReport, publish, save } from '../../bench/report.ts';

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
  const text = markdown(aReport(), { images: '.', full: true });
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

test('a saved report has JSON, Markdown and a chart, and a document gets its block replaced', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taploom-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const report = aReport();
  save(report, join(folder, 'results'));
  const date = report.date.slice(0, 10);
  expect(readdirSync(join(folder, 'results')).sort()).toEqual([`${date}.json`, `${date}.md`, 'tcp.svg']);
  expect(JSON.parse(readFileSync(join(folder, 'results', `${date}.json`), 'utf8'))).toEqual(report);

  const document = join(folder, 'performance.md');
  const [begin, end] = ['<!-- results: written by npm run bench -->', '<!-- end of results -->'];
  writeFileSync(document, `before\n${begin}\nold\n${end}\nafter\n`);
  publish(report, document, join(folder, 'results'));
  const text = readFileSync(document, 'utf8');
  expect(text).toMatch(/^before\n<!--[\s\S]*-->\nafter\n$/);
  expect(text).not.toContain('old');
  expect(text).toContain('(results/tcp.svg)');
});
