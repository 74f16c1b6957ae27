// A table that is brought up to date in place: a row keeps its element, so that a selection and a place in the page
// stay. Whatever a switch is told to call its things, it goes through `textContent` and stays text.

export interface Column<Row> {
  readonly title: string;
  text(row: Row): string;
  /** What the column is sorted by. */
  order?(row: Row): number | string;
  /** Classes of its cells: `number`, `name`, `prose`, and `extra` for what small screens leave out. */
  readonly kind?: string;
  mark?(row: Row): 'good' | 'bad' | '';
  /** What is told of the cell to who points at it. */
  hint?(row: Row): string;
  /** In the place of `text`. */
  draw?(cell: HTMLElement, row: Row): void;
}

interface TableOptions<Row> {
  columns: readonly Column<Row>[];
  key: (row: Row) => string;
  /** Said if there is no row. */
  empty: string;
  /** Shows only rows with what is written there. */
  filter?: HTMLInputElement;
}

export class Table<Row> {
  private readonly options: TableOptions<Row>;
  private readonly body = document.createElement('tbody');
  private readonly elements = new Map<string, HTMLTableRowElement>();
  private readonly none = document.createElement('tr');
  private rows: readonly Row[] = [];
  private sorted: { column: Column<Row>; sign: 1 | -1 } | undefined;

  constructor(table: HTMLTableElement, options: TableOptions<Row>) {
    this.options = options;
    const { columns, empty, filter } = options;
    const head = document.createElement('tr');
    head.append(...columns.map((column) => this.heading(column)));
    table.createTHead().append(head);
    table.append(this.body);
    const cell = this.none.insertCell();
    cell.colSpan = columns.length;
    cell.className = 'empty';
    cell.textContent = empty;
    filter?.addEventListener('input', () => this.show(this.rows));
  }

  show(rows: readonly Row[]): void {
    this.rows = rows;
    const { key, columns } = this.options;
    const shown = this.inOrder(rows.filter((row) => this.isWanted(row)));
    const gone = new Set(this.elements.keys());
    let place = 0;
    for (const row of shown) {
      const element = this.element(key(row));
      gone.delete(key(row));
      columns.forEach((column, n) => void fill(element.cells[n], column, row));
      const there = this.body.children[place++] ?? null;
      if (there !== element) this.body.insertBefore(element, there);
    }
    for (const name of gone) {
      this.elements.get(name)?.remove();
      this.elements.delete(name);
    }
    if (shown.length === 0) this.body.append(this.none);
    else this.none.remove();
  }

  private element(key: string): HTMLTableRowElement {
    const known = this.elements.get(key);
    if (known !== undefined) return known;
    const element = document.createElement('tr');
    for (const { kind = '' } of this.options.columns) element.insertCell().className = kind;
    this.elements.set(key, element);
    return element;
  }

  private heading(column: Column<Row>): HTMLElement {
    const cell = document.createElement('th');
    cell.className = column.kind ?? '';
    if (column.order === undefined) cell.textContent = column.title;
    else {
      const button = document.createElement('button');
      button.textContent = column.title;
      button.addEventListener('click', () => this.sortBy(column, cell));
      cell.append(button);
    }
    return cell;
  }

  /** The largest first, then the smallest, then as the switch tells them. */
  private sortBy(column: Column<Row>, cell: HTMLElement): void {
    const sign = this.sorted?.column === column ? this.sorted.sign : undefined;
    for (const other of cell.parentElement?.children ?? []) other.removeAttribute('aria-sort');
    this.sorted = sign === 1 ? undefined : { column, sign: sign === undefined ? -1 : 1 };
    if (this.sorted) cell.setAttribute('aria-sort', this.sorted.sign === 1 ? 'ascending' : 'descending');
    this.show(this.rows);
  }

  private inOrder(rows: Row[]): Row[] {
    const { column, sign = 1 } = this.sorted ?? {};
    const order = column?.order;
    if (order === undefined) return rows;
    return rows.sort((a, b) => {
      const [left, right] = [order(a), order(b)];
      return left === right ? 0 : left < right ? -sign : sign;
    });
  }

  private isWanted(row: Row): boolean {
    const { filter, columns } = this.options;
    const wanted = filter?.value.trim().toLowerCase() ?? '';
    return wanted === '' || columns.some((column) => column.text(row).toLowerCase().includes(wanted));
  }
}

function fill<Row>(cell: HTMLElement, column: Column<Row>, row: Row): void {
  if (column.draw) column.draw(cell, row);
  else setText(cell, column.text(row));
  cell.dataset.mark = column.mark?.(row) ?? '';
  cell.title = column.hint?.(row) ?? '';
}

/** Writing the same again would end a selection. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
