// A list as a table, as CSV or TSV, or as lines of the user's own.

import { TaploomError } from '../error.ts';
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

/**
 * Values for programs, exact: under `csv` (RFC 4180) and `tsv` with the names of the columns first, if `withHead`.
 * @param format one of the two, or a line with `{port}` where a value goes
 * @throws TaploomError `invalid_usage`
 */
export function formatted<Row>(
  rows: readonly Row[],
  columns: Columns<Row>,
  format: string,
  withHead = true,
): string {
  const lines = rows.map(lineOf(columns, format));
  if (withHead && (format === 'csv' || format === 'tsv')) {
    lines.unshift(Object.keys(columns).join(format === 'csv' ? ',' : '\t'));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function lineOf<Row>(columns: Columns<Row>, format: string): (row: Row) => string {
  const all = Object.values(columns);
  if (format === 'csv') return (row) => all.map(({ value }) => quoted(String(value(row) ?? ''))).join(',');
  if (format === 'tsv') return (row) => all.map(({ value }) => String(value(row) ?? '')).join('\t');
  for (const [, name] of format.matchAll(PLACE)) {
    if (!Object.hasOwn(columns, name)) {
      const names = Object.keys(columns).join(', ');
      throw new TaploomError('invalid_usage', `--format: there is no column ${name}, but ${names}`);
    }
  }
  return (row) => format.replaceAll(PLACE, (_, name: string) => String(columns[name].value(row) ?? ''));
}

const PLACE = /\{(\w+)\}/g;

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
