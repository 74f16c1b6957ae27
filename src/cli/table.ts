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
  const widths = head.map((title, i) =>
    cells.reduce((most, row) => Math.max(most, row[i].length), title.length),
  );
  const last = widths.length - 1;
  const before = widths.slice(0, last).reduce((sum, column) => sum + column + 2, 0);
  widths[last] = Math.min(widths[last], Math.max(width - before, MIN_LAST));
  const isRight = head.map((_, i) => right.includes(i));
  // The library takes 0.7 ms a row of ten columns (Node 20), and is needed for few.
  const isSimple = (row: readonly string[]) =>
    row[last].length <= widths[last] && row.every((cell) => /^[\x20-\x7e]*$/.test(cell));
  return [head, ...cells]
    .flatMap((row) =>
      isSimple(row) ? padded(row, widths, isRight) : wrapped(row, widths, isRight).split('\n'),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

function padded(row: readonly string[], widths: readonly number[], isRight: readonly boolean[]): string {
  return row.map((cell, i) => (isRight[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ');
}

/** In several lines, and with characters of any width. */
function wrapped(row: readonly string[], widths: number[], isRight: readonly boolean[]): string {
  const lines = new Table({
    chars: NONE,
    colWidths: widths,
    colAligns: isRight.map((right) => (right ? 'right' : 'left')),
    wordWrap: true,
    style: { border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  lines.push([...row]);
  return lines.toString();
}
