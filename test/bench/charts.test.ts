import { describe, expect, test } from 'vitest';
import type { BarChart, CurveChart } from '../../bench/bench.ts';
import { niceStep } from '../../bench/charts/curve_panel.ts';
import { page } from '../../bench/charts/page.ts';

const bars: BarChart = {
  name: 'tcp',
  what: 'TCP <fast> & "far"',
  unit: 'Gb/s',
  better: 'more',
  bars: [
    { name: 'Taploom', median: 10, interval: [9, 12] },
    { name: 'C pump', median: 5, interval: [5, 5] },
    { name: 'VDE', median: 0, interval: [0, 0] },
  ],
};
const curve: CurveChart = {
  name: 'ports',
  what: 'ports',
  x: 'TAPs',
  unit: 'ns a frame',
  curves: [
    {
      name: 'Taploom',
      points: [
        { x: 2, median: 100, interval: [90, 110] },
        { x: 512, median: 140, interval: [130, 150] },
      ],
    },
  ],
};

/** Every start has its end, no text breaks out, and every number is one. */
function expectWellFormed(svg: string) {
  const open: string[] = [];
  for (const [, close, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name);
    else if (!empty) open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
}

describe('a page', () => {
  test('is well-formed whatever a title contains', () => {
    const svg = page('a < b', [bars], [curve]);
    expectWellFormed(svg);
    expect(svg).toContain('TCP &#60;fast&#62; &#38; &#34;far&#34;');
  });

  test('draws bars in proportion', () => {
    const svg = page('', [bars], []);
    const widths = [...svg.matchAll(/<rect x="150"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths).toHaveLength(3);
    expect(widths[0] / widths[1]).toBeCloseTo(2, 1);
    expect(widths[2]).toBe(1);
  });

  test('has room for the intervals of all bars and points', () => {
    const svg = page('', [bars], [curve]);
    const [, width, height] = svg.match(/width="(\d+)" height="(\d+)"/)?.map(Number) ?? [];
    for (const [, x] of svg.matchAll(/ x2?="([\d.]+)"/g)) expect(Number(x)).toBeLessThan(width);
    for (const [, y] of svg.matchAll(/ y2?="([\d.]+)"/g)) expect(Number(y)).toBeLessThan(height);
  });

  test('draws a curve with a single point, and one that is zero', () => {
    const single = {
      ...curve,
      curves: [{ name: 'x', points: [{ x: 1, median: 0, interval: [0, 0] as const }] }],
    };
    expectWellFormed(page('', [], [single as unknown as CurveChart]));
  });
});

test.each([
  [9.3, { size: 2, count: 5 }],
  [10, { size: 2, count: 5 }],
  [11, { size: 5, count: 3 }],
  [0.031, { size: 0.01, count: 4 }],
  [0, { size: 1, count: 1 }],
])('an axis to %d has round steps', (largest, { size, count }) => {
  const step = niceStep(largest);
  expect(step.size).toBeCloseTo(size);
  expect(step.count).toBe(count);
});
