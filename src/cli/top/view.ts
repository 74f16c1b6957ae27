// What `taploom top` has on its screen, as lines, and what keys do to it. Knows neither terminal nor daemon.
//
//   taploom top  br0  12:00:01  1000 ports, 3 not up, 12 match vm1
//   RX 1.20M f/s 9.41G bit/s   TX 1.20M f/s 9.41G bit/s   drops 12/s   lost 0/s
//   PORT BRIDGE STATE  RX f/s ...  TRAFFIC       the sorted column is bold
//   vm1  br0    up      12.3k ...   ▁▂▅█
//   q quit  s sort ...                           or the filter that is typed, or what is wrong

import type { Key } from 'node:readline';
import { si } from '../../amount.ts';
import type { PortRates } from '../../rates.ts';
import { TOP_COLUMNS, type TopColumn } from '../columns.ts';
import { type Column, chosen, matcher, textOf } from '../list.ts';

export interface TopChoice {
  sort: TopColumn;
  reverse: boolean;
  filter: readonly string[];
  top?: number;
}

export interface Style {
  colours: boolean;
  /** Blocks for the curves, or ASCII. */
  unicode: boolean;
}

const KEYS_LINE = 'q quit  s sort  r reverse  / filter  arrows, PgUp, PgDn scroll  ? help';
const HELP = [
  'taploom top: what the ports of the switch do, each second',
  '',
  '  q, Ctrl-C          quit',
  '  s, S               sort by the next column, or the one before',
  '  r                  reverse the order',
  '  /                  filter: vm, port=vm*, state!=up, rx>1k; several with spaces',
  '                     Enter ends it, Esc takes it away',
  '  arrows, j, k       scroll a line',
  '  PgUp, PgDn, space  scroll a page',
  '  Home, End, g, G    first and last port',
  '  ?, h               this page; any key leaves it',
  '',
  '  RX       what the switch receives from the port',
  '  DROP/s   dropped by the switch, on either side; `taploom drops` says why',
  '  LOST/s   dropped by the kernel before the switch could read them',
  '  TRAFFIC  bit/s both ways; each curve has the height of its own peak',
];

const MAX_NAME = 15;
const MIN_CURVE = 8;
/** Head, totals, titles; the keys. */
const OTHER_LINES = 4;

const SGR = { bold: 1, dim: 2, reverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 };
type Colour = keyof typeof SGR;

export class TopView {
  private readonly bridge?: string;
  private readonly choice: TopChoice;
  private readonly style: Style;
  private ports: readonly PortRates[] = [];
  private shown: readonly PortRates[] = [];
  private time = '';
  /** Why the picture is old. */
  private trouble = '';
  private first = 0;
  private pageRows = 1;
  private isHelp = false;
  /** While it is typed. */
  private typed?: string;
  private readonly names: readonly TopColumn[];

  constructor(choice: TopChoice, style: Style, bridge?: string) {
    this.choice = choice;
    this.style = style;
    this.bridge = bridge;
    const names = Object.keys(TOP_COLUMNS) as TopColumn[];
    this.names = names.filter((name) => name !== 'bridge' || bridge === undefined);
  }

  update(ports: readonly PortRates[], time: string): void {
    this.ports = ports;
    this.time = time;
    this.trouble = '';
    this.choose();
  }

  fail(message: string): void {
    this.trouble = message;
  }

  /** @returns false to quit */
  press(text: string, { name, ctrl }: Key): boolean {
    if (ctrl && name === 'c') return false;
    if (this.isHelp) this.isHelp = false;
    else if (this.typed !== undefined) this.type(this.typed, text, name);
    else if (name === 'q') return false;
    else this.command(text, name);
    return true;
  }

  private command(text: string, name: string | undefined): void {
    const { choice } = this;
    const page = this.pageRows;
    const scroll: Record<string, number> = {
      up: -1,
      k: -1,
      down: 1,
      j: 1,
      pageup: -page,
      pagedown: page,
      space: page,
    };
    if (text === '?' || text === 'h') this.isHelp = true;
    else if (text === '/') this.typed = choice.filter.join(' ');
    else if (text === 'r') this.orderBy(choice.sort, !choice.reverse);
    else if (text === 's') this.orderBy(this.neighbour(1), choice.reverse);
    else if (text === 'S') this.orderBy(this.neighbour(-1), choice.reverse);
    else if (text === 'g' || name === 'home') this.first = 0;
    else if (text === 'G' || name === 'end') this.first = this.shown.length;
    else if (name !== undefined && Object.hasOwn(scroll, name)) this.first += scroll[name];
    this.choose();
  }

  private neighbour(step: number): TopColumn {
    const at = this.names.indexOf(this.choice.sort) + step + this.names.length;
    return this.names[at % this.names.length];
  }

  private orderBy(sort: TopColumn, reverse: boolean): void {
    Object.assign(this.choice, { sort, reverse });
    this.first = 0;
  }

  private type(typed: string, text: string | undefined, name: string | undefined): void {
    if (name === 'escape') {
      this.typed = undefined;
      this.choice.filter = [];
    } else if (name === 'return' || name === 'enter') {
      this.typed = undefined;
    } else if (name === 'backspace') {
      this.typed = typed.slice(0, -1);
    } else if (text !== undefined && /^[\x20-\x7e]+$/.test(text)) {
      this.typed = typed + text;
    }
    this.first = 0;
    if (this.typed !== undefined) this.choice.filter = this.typed.split(' ').filter((word) => word !== '');
    this.choose();
  }

  /** A filter that is half typed, and means nothing yet, matches all. */
  private choose(): void {
    const filter = this.choice.filter.filter((text) => isValid(text));
    this.shown = chosen(this.ports, TOP_COLUMNS, { ...this.choice, filter });
  }

  lines(columns: number, rows: number): string[] {
    if (this.isHelp) return HELP.slice(0, rows).map((line) => line.slice(0, columns));
    this.pageRows = Math.max(1, rows - OTHER_LINES);
    this.first = Math.max(0, Math.min(this.first, this.shown.length - this.pageRows));
    const fields = layout(this.names, this.shown, columns);
    const page = this.shown.slice(this.first, this.first + this.pageRows);
    const lines = [
      this.paint(this.headLine().slice(0, columns), 'bold'),
      this.totalsLine().slice(0, columns),
      this.titles(fields),
      ...page.map((port) => this.portLine(port, fields)),
    ];
    while (lines.length < rows - 1) lines.push('');
    return [...lines.slice(0, rows - 1), this.lastLine(columns)];
  }

  private headLine(): string {
    const { bridge, ports, shown, choice, time } = this;
    const notUp = ports.filter(({ status }) => status.state !== 'up').length;
    const parts = [`${ports.length} ${ports.length === 1 ? 'port' : 'ports'}`];
    if (notUp > 0) parts.push(`${notUp} not up`);
    if (choice.filter.length > 0) parts.push(`${shown.length} match ${choice.filter.join(' ')}`);
    if (this.shown.length > this.pageRows) {
      parts.push(`${this.first + 1}-${Math.min(this.first + this.pageRows, shown.length)} on the screen`);
    }
    return ['taploom top', ...(bridge === undefined ? [] : [bridge]), time, parts.join(', ')].join('  ');
  }

  private totalsLine(): string {
    const sum = (name: TopColumn) => {
      const { value } = TOP_COLUMNS[name];
      return si(this.shown.reduce((total, port) => total + Number(value(port) ?? 0), 0));
    };
    const traffic = `RX ${sum('rx')} f/s ${sum('rx_bits')} bit/s  TX ${sum('tx')} f/s ${sum('tx_bits')} bit/s`;
    return `${traffic}  drops ${sum('drops')}/s  lost ${sum('lost')}/s`;
  }

  private titles(fields: readonly Field[]): string {
    const arrow = this.choice.reverse ? '<' : '>';
    const cells = fields.map(({ name, width, column: { title, right } }) => {
      if (name !== this.choice.sort) return this.paint(cellOf(title, width, right), 'cyan');
      return this.paint(
        cellOf(title.length < width ? title + arrow : title, width, right),
        'bold',
        'reverse',
      );
    });
    return cells.join(' ');
  }

  private portLine(port: PortRates, fields: readonly Field[]): string {
    const cells = fields.map(({ name, width, column }) => {
      if (name === 'traffic') return this.paint(curve(port.history, width, this.style.unicode), 'green');
      const cell = cellOf(textOf(column, port), width, column.right);
      return this.paint(cell, ...coloursOf(name, column.value(port)));
    });
    return cells.join(' ').trimEnd();
  }

  private lastLine(columns: number): string {
    const { typed, trouble } = this;
    if (typed !== undefined) return this.paint(`/${typed}_`.slice(-columns), 'bold');
    if (trouble !== '') return this.paint(trouble.slice(0, columns), 'red');
    return this.paint(KEYS_LINE.slice(0, columns), 'dim');
  }

  private paint(text: string, ...colours: Colour[]): string {
    if (!this.style.colours || colours.length === 0) return text;
    return `\x1b[${colours.map((colour) => SGR[colour]).join(';')}m${text}\x1b[0m`;
  }
}

function isValid(filter: string): boolean {
  try {
    matcher(filter, TOP_COLUMNS);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong stands out: whatever is lost or down. */
function coloursOf(name: TopColumn, value: string | number | undefined): Colour[] {
  if (name === 'state') return value === 'up' ? ['green'] : ['red'];
  if (name === 'drops' && Number(value) > 0) return ['red'];
  if (name === 'lost' && Number(value) > 0) return ['yellow'];
  return value === 0 ? ['dim'] : [];
}

interface Field {
  name: TopColumn;
  column: Column<PortRates>;
  width: number;
}

/** Numbers have fixed widths, so that nothing jumps; names what they need; the curve gets the rest, or nothing. */
function layout(names: readonly TopColumn[], ports: readonly PortRates[], columns: number): Field[] {
  const fields = names.map((name): Field => {
    const column: Column<PortRates> = TOP_COLUMNS[name];
    if (column.right || name === 'state') return { name, column, width: Math.max(column.title.length, 7) };
    const longest = ports.reduce((most, port) => Math.max(most, textOf(column, port).length), 0);
    return { name, column, width: Math.min(MAX_NAME, Math.max(column.title.length + 1, longest)) };
  });
  const [curve] = fields.splice(-1);
  let left = columns;
  const fitting = fields.filter(({ width }) => {
    const fits = width <= left;
    left = fits ? left - width - 1 : 0;
    return fits;
  });
  return left < MIN_CURVE ? fitting : [...fitting, { ...curve, width: left }];
}

function cellOf(text: string, width: number, right = false): string {
  const cut = text.length > width ? `${text.slice(0, width - 1)}~` : text;
  return right ? cut.padStart(width) : cut.padEnd(width);
}

/** One character a sample, the newest on the right; the highest is the port's own peak of what is shown. */
export function curve(history: readonly number[], width: number, unicode: boolean): string {
  const steps = unicode ? ' ▁▂▃▄▅▆▇█' : ' .:-=+*#@';
  const shown = history.slice(-width);
  const peak = Math.max(0, ...shown);
  const levels = shown.map((value) => steps[value === 0 ? 0 : Math.max(1, Math.round((value / peak) * 8))]);
  return levels.join('').padStart(width);
}
