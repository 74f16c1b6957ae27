// A list as a table.

import { type Columns, textOf } from './list.ts';
import { table } from './table.ts';

export function listText<Row>(
  rows: readonly Row[],
  columns: Columns<Row>,
  width: number,
  none: string,
): string {
  if (rows.length === 0) return `${none}\n`;
  const all = Object.values(columns);
  const head = all.map(({ title }) => title);
  const right = all.flatMap((column, i) => (column.right ? [i] : []));
  const cells = rows.map((row) => all.map((column) => textOf(column, row)));
  return `${table(head, cells, { right, width })}\n`;
}
