// A form that asks for rows of a resource, and the table of what was found: a resource in pages goes on where it ended, of
// another one the first rows are shown.

import { element, selectOf } from './elements.ts';
import { count } from './numbers.ts';
import { setText, type Table } from './table.ts';

/** Rows of a page, and most of an answer without pages. */
export const PAGE_ROWS = 200;

export interface Found<Row> {
  readonly rows: readonly Row[];
  /** Where the next page begins; undefined: this was the last one. */
  readonly next?: string;
}

export class Search<Row> {
  private readonly name: string;
  private readonly table: Table<Row>;
  private readonly find: (query: Record<string, string>) => Promise<Found<Row>>;
  private rows: readonly Row[] = [];

  /** `name`: the form is `search-name`, what it found `name`, and how much `found-name`, with `more-name` if there are pages. */
  constructor(name: string, table: Table<Row>, find: (query: Record<string, string>) => Promise<Found<Row>>) {
    this.name = name;
    this.table = table;
    this.find = find;
    element(`search-${name}`).addEventListener('submit', (event) => {
      event.preventDefault();
      const fields = [...new FormData(event.target as HTMLFormElement)] as [string, string][];
      const given = fields.map(([key, value]) => [key, value.trim()]).filter(([, value]) => value !== '');
      this.rows = [];
      void this.go(Object.fromEntries(given));
    });
  }

  /** The names that its field `field` offers beside none of them. */
  offer(field: string, names: readonly string[]): void {
    const select = selectOf(`search-${this.name}`, field);
    const offered = [...select.options].slice(1).map(({ value }) => value);
    if (offered.join('\n') === names.join('\n')) return;
    const chosen = select.value;
    select.length = 1;
    for (const name of names) select.add(new Option(name, name, false, name === chosen));
  }

  private async go(query: Record<string, string>): Promise<void> {
    const found = element(`found-${this.name}`);
    const more = document.getElementById(`more-${this.name}`) as HTMLButtonElement | null;
    if (more !== null) more.hidden = true;
    try {
      const { rows, next } = await this.find(query);
      const all = [...this.rows, ...rows];
      this.rows = more === null ? all.slice(0, PAGE_ROWS) : all;
      const rest = next !== undefined ? ', and there are more' : shown(all.length, this.rows.length);
      setText(found, `${count(all.length)} found${rest}`);
      if (more !== null) {
        more.hidden = next === undefined;
        more.onclick = () => void this.go({ cursor: next ?? '' });
      }
    } catch (error) {
      setText(found, (error as Error).message);
    }
    element(this.name).hidden = false;
    this.table.show(this.rows);
  }
}

function shown(all: number, here: number): string {
  return all === here ? '' : `, of which ${count(here)} are shown: ask for less`;
}
