// How something grows: x in equal steps for equal factors, y from zero, the 95 % interval as a band.

import type { Curve, CurveChart } from '../bench.ts';
import { round } from '../round.ts';
import { COLOR, element, line, text } from './svg.ts';

const HEIGHT = 250;
const LEFT = 52;
const RIGHT = 14;
const TOP = 44;
const BOTTOM = HEIGHT - 44;
/** At most so many lines across. */
const LINES = 5;

export function curvePanelHeight(): number {
  return HEIGHT;
}

/** Drawn from (0, 0) on. */
export function curvePanel({ what, x, unit, curves }: CurveChart, width: number): string {
  const points = curves.flatMap((curve) => curve.points);
  const xs = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
  const [first, last] = [Math.log(xs[0]), Math.log(xs.at(-1) ?? 1)];
  const step = niceStep(Math.max(...points.map(({ median, interval }) => Math.max(median, interval[1]))));
  const top = step.size * step.count;
  const toX = (value: number) =>
    LEFT + ((width - LEFT - RIGHT) * (Math.log(value) - first)) / Math.max(last - first, 1e-9);
  const toY = (value: number) => BOTTOM - ((BOTTOM - TOP) * value) / top;

  const across = Array.from({ length: step.count + 1 }, (_, n) => n * step.size).map(
    (value) =>
      line(LEFT, toY(value), width - RIGHT, toY(value), COLOR.grid) +
      text(LEFT - 8, toY(value) + 4, value.toLocaleString('en'), {
        size: 11,
        anchor: 'end',
        color: COLOR.soft,
      }),
  );
  return (
    text(0, 14, what, { size: 14, bold: true }) +
    text(0, 31, unit, { size: 11, color: COLOR.soft }) +
    legend(curves, width) +
    across.join('') +
    xLabels(xs, toX) +
    text((LEFT + width - RIGHT) / 2, HEIGHT - 8, x, { size: 11, anchor: 'middle', color: COLOR.soft }) +
    curves.map((curve, n) => draw(curve, COLOR.curves[n % COLOR.curves.length], toX, toY)).join('')
  );
}

function draw(
  { points }: Curve,
  color: string,
  toX: (value: number) => number,
  toY: (value: number) => number,
): string {
  const at = (x: number, y: number) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`;
  const upper = points.map(({ x, interval }) => at(x, interval[1]));
  const lower = points.map(({ x, interval }) => at(x, interval[0])).reverse();
  const marks = points.map(({ x, median }) =>
    element('circle', { cx: toX(x), cy: toY(median), r: 3, fill: color }),
  );
  return (
    element('polygon', { points: [...upper, ...lower].join(' '), fill: color, 'fill-opacity': '0.18' }) +
    element('polyline', {
      points: points.map(({ x, median }) => at(x, median)).join(' '),
      fill: 'none',
      stroke: color,
      'stroke-width': 2,
    }) +
    marks.join('') +
    (points.length > 0 ? endLabels(points, toX, toY) : '')
  );
}

/** What the curve starts and ends with, in figures. */
function endLabels(
  points: Curve['points'],
  toX: (value: number) => number,
  toY: (value: number) => number,
): string {
  const [first, last] = [points[0], points[points.length - 1]];
  const label = (point: Curve['points'][number], anchor: 'start' | 'end') =>
    text(toX(point.x), toY(point.median) - 9, round(point.median), { size: 11, bold: true, anchor });
  return label(first, 'start') + (last === first ? '' : label(last, 'end'));
}

/** As many as fit beside each other, the ends always. */
function xLabels(xs: readonly number[], toX: (value: number) => number): string {
  let free = Number.NEGATIVE_INFINITY;
  const end = toX(xs[xs.length - 1]);
  return xs
    .map((value, n) => {
      const words = value.toLocaleString('en');
      const half = words.length * 3.4;
      const x = toX(value);
      const isLast = n === xs.length - 1;
      if (!isLast && (x - half < free || x + half + 6 > end - half)) return '';
      free = x + half + 6;
      return text(x, BOTTOM + 16, words, { size: 11, anchor: 'middle', color: COLOR.soft });
    })
    .join('');
}

function legend(curves: readonly Curve[], width: number): string {
  if (curves.length < 2) return '';
  let x = width - RIGHT;
  return [...curves.entries()]
    .reverse()
    .map(([n, { name }]) => {
      x -= name.length * 6.6 + 30;
      const color = COLOR.curves[n % COLOR.curves.length];
      return line(x, 27, x + 16, 27, color, 3) + text(x + 21, 31, name, { size: 11 });
    })
    .join('');
}

/** Steps of 1, 2 or 5 times a power of ten, enough of them to reach `largest`. */
export function niceStep(largest: number): { size: number; count: number } {
  if (!(largest > 0)) return { size: 1, count: 1 };
  const power = 10 ** Math.floor(Math.log10(largest / LINES));
  const size = power * ([1, 2, 5, 10].find((factor) => power * factor * LINES >= largest) ?? 10);
  return { size, count: Math.ceil(largest / size) };
}
