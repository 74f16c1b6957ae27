// Contenders below each other, a horizontal bar for each, its median at the end, its 95 % interval as a whisker.

import type { BarChart } from '../bench.ts';
import { TAPLOOM } from '../contenders/taploom.ts';
import { round } from '../round.ts';
import { COLOR, element, line, text } from './svg.ts';

const LABEL_WIDTH = 150;
const VALUE_WIDTH = 64;
const ROW = 26;
const BAR = 15;
const HEAD = 44;

export function barPanelHeight({ bars }: BarChart): number {
  return HEAD + bars.length * ROW;
}

/** Drawn from (0, 0) on. */
export function barPanel({ what, unit, better, bars }: BarChart, width: number): string {
  const room = width - LABEL_WIDTH - VALUE_WIDTH;
  const largest = Math.max(...bars.map(({ median, interval }) => Math.max(median, interval[1])), 1e-9);
  const place = (value: number) => LABEL_WIDTH + (room * value) / largest;
  const label = (median: number) => (better === 'more' && median === 0 ? 'nothing' : round(median));
  const rows = bars.map(({ name, median, interval }, n) => {
    const y = HEAD + n * ROW;
    const middle = y + BAR / 2;
    const ours = name === TAPLOOM;
    const [low, high] = interval.map(place);
    const whisker =
      interval[1] > interval[0]
        ? line(low, middle, high, middle, COLOR.ink) +
          [low, high].map((x) => line(x, middle - 3, x, middle + 3, COLOR.ink)).join('')
        : '';
    const bar = { x: LABEL_WIDTH, y, width: Math.max(1, place(median) - LABEL_WIDTH), height: BAR, rx: 2 };
    return (
      text(LABEL_WIDTH - 8, middle + 4, name, { anchor: 'end', bold: ours }) +
      element('rect', { ...bar, fill: ours ? COLOR.ours : COLOR.theirs }) +
      whisker +
      text(Math.max(place(median), high) + 6, middle + 4, label(median), { bold: ours })
    );
  });
  return (
    text(0, 14, what, { size: 14, bold: true }) +
    text(0, 31, `${unit}, ${better} is better`, { size: 11, color: COLOR.soft }) +
    rows.join('')
  );
}
