// Which rows of a list are shown, and in which order: --sort, --reverse, --filter, --top.

import { parseSi } from '../amount.ts';
import { TaploomError } from '../error.ts';

export interface Column<Row> {
  readonly title: string;
  /** What is sorted and compared; undefined comes last. */
  readonly value: (row: Row) => string | number | undefined;
  /** As people read it, if not the value. */
  readonly text?: (row: Row) => string;
  /** For numbers. */
  readonly right?: true;
}

/** In their order on the screen; the keys are what --sort and --filter call them. */
export type Columns<Row> = Readonly<Record<string, Column<Row>>>;

export interface Choice {
  sort?: string;
  reverse?: boolean;
  /** A row has to match all. */
  filter?: readonly string[];
  top?: number;
}

export function chosen<Row>(rows: readonly Row[], columns: Columns<Row>, choice: Choice): Row[] {
  const { sort, reverse = false, filter = [], top } = choice;
  const tests = filter.map((text) => matcher(text, columns));
  const wanted = rows.filter((row) => tests.every((test) => test(row)));
  if (sort !== undefined) wanted.sort(order(columns[sort], reverse));
  else if (reverse) wanted.reverse();
  return top === undefined ? wanted : wanted.slice(0, top);
}

const words = new Intl.Collator('en', { numeric: true });

/** Numbers from the largest, words by the alphabet, `vm2` before `vm10`. */
function order<Row>({ value }: Column<Row>, reverse: boolean): (a: Row, b: Row) => number {
  const sign = reverse ? -1 : 1;
  return (rowA, rowB) => {
    const [a, b] = [value(rowA), value(rowB)];
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
    const ascending = typeof a === 'number' ? (b as number) - a : words.compare(a, b as string);
    return sign * ascending;
  };
}

/**
 * `port=vm*`, `state!=up`, `rx>1.5k`, or a text that any column has.
 * @throws TaploomError `invalid_usage`
 */
export function matcher<Row>(filter: string, columns: Columns<Row>): (row: Row) => boolean {
  const match = /^(\w+)(!=|[=<>])(.*)$/.exec(filter);
  if (match === null) {
    const wanted = filter.toLowerCase();
    const has = (row: Row) => (column: Column<Row>) => textOf(column, row).toLowerCase().includes(wanted);
    return (row) => Object.values(columns).some(has(row));
  }
  const [, name, operator, operand] = match;
  if (!Object.hasOwn(columns, name)) {
    const names = Object.keys(columns).join(', ');
    throw new TaploomError('invalid_usage', `--filter: there is no column ${name}, but ${names}`);
  }
  const { value } = columns[name];
  if (operator === '=' || operator === '!=') {
    const parts = operand.split('*').map((part) => part.replaceAll(/[^\w]/g, '\\$&'));
    const pattern = new RegExp(`^${parts.join('.*')}$`, 'i');
    return (row) => pattern.test(String(value(row) ?? '')) === (operator === '=');
  }
  const limit = parseSi(operand);
  if (Number.isNaN(limit)) {
    throw new TaploomError(
      'invalid_usage',
      `--filter: ${JSON.stringify(operand)} is not a number, such as 1.5k`,
    );
  }
  return (row) => {
    const number = Number(value(row) ?? Number.NaN);
    return operator === '<' ? number < limit : number > limit;
  };
}

export function textOf<Row>({ value, text }: Column<Row>, row: Row): string {
  return text === undefined ? String(value(row) ?? '') : text(row);
}
