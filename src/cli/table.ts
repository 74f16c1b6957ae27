// Tables for people: aligned columns without borders, at most as wide as the terminal. The last column wraps.

import Table from 'cli-table3';

const NONE = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}; // prettier-ignore

/** The last column does not get narrower than this, whatever the terminal. */
const MIN_LAST = 16;

export interface TableOptions {
  /** Columns with numbers, aligned right. */
  right?: readonly number[];
  /** Columns of text on the screen. */
  width?: number;
}

export type Cell = string | number | undefined;

export function table(head: readonly string[], rows: readonly Cell[][], options: TableOptions = {}): string {
  const { right = [], width = process.stdout.columns || 80 } = options;
  const cells = rows.map((row) => head.map((_, i) => String(row[i] ?? '')));
  const columns = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)));
  const last = columns.length - 1;
  const before = columns.slice(0, last).reduce((sum, column) => sum + column + 2, 0);
  columns[last] = Math.min(columns[last], Math.max(width - before, MIN_LAST));
  const lines = new Table({
    chars: NONE,
    head: [...head],
    colWidths: columns,
    colAligns: head.map((_, i) => (right.includes(i) ? 'right' : 'left')),
    wordWrap: true,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  lines.push(...cells);
  return lines
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
