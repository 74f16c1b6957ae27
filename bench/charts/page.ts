// All charts of a bench on one page, two beside each other.

import type { BarChart, CurveChart } from '../bench.ts';
import { barPanel, barPanelHeight } from './bar_panel.ts';
import { curvePanel, curvePanelHeight } from './curve_panel.ts';
import { document, element } from './svg.ts';

const PANEL_WIDTH = 420;
const MARGIN = 24;
const GAP = 32;

interface Panel {
  height: number;
  body: string;
}

export function page(title: string, bars: readonly BarChart[], curves: readonly CurveChart[]): string {
  const panels: Panel[] = [
    ...bars.map((chart) => ({ height: barPanelHeight(chart), body: barPanel(chart, PANEL_WIDTH) })),
    ...curves.map((chart) => ({ height: curvePanelHeight(), body: curvePanel(chart, PANEL_WIDTH) })),
  ];
  const columns = Math.min(2, panels.length);
  let y = MARGIN;
  let body = '';
  for (let n = 0; n < panels.length; n += columns) {
    const row = panels.slice(n, n + columns);
    body += row
      .map(({ body: inner }, column) =>
        element('g', { transform: `translate(${MARGIN + column * (PANEL_WIDTH + GAP)} ${y})` }, inner),
      )
      .join('');
    y += Math.max(...row.map(({ height }) => height)) + GAP;
  }
  const width = 2 * MARGIN + columns * PANEL_WIDTH + (columns - 1) * GAP;
  return document(width, y - GAP + MARGIN, title, body);
}
