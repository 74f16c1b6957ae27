// Elements of the page, by the names that index.html gives them, and what columns have in common.

import { count } from './numbers.ts';
import type { Column } from './table.ts';

export function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

export function selectOf(form: string, field: string): HTMLSelectElement {
  return element<HTMLFormElement>(form).elements.namedItem(field) as HTMLSelectElement;
}

type Figure<Row> = Pick<Column<Row>, 'title' | 'kind'> & { of: (row: Row) => number };

/** A number, which the column is sorted by. */
export function figure<Row>({ title, of, kind = '' }: Figure<Row>, show = count): Column<Row> {
  return { title, kind: `number ${kind}`, text: (row) => show(of(row)), order: of };
}

/** A text, which the column is sorted by. */
export function word<Row>(title: string, of: (row: Row) => string, kind = ''): Column<Row> {
  return { title, kind, text: of, order: of };
}
