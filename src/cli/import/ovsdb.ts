// What `ovsdb-client dump --format json` prints (RFC 7047, 5.1): one JSON object a table, as rows by their UUID.

import { TaploomError } from '../../error.ts';

export type Row = Readonly<Record<string, unknown>>;
export type Tables = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/** @throws TaploomError `invalid_dump` */
export function parseDump(text: string): Tables {
  // with --pretty a table takes many lines, but each begins one
  const documents = text.split(/^(?=\{)/m).filter((part) => part.trim() !== '');
  const tables = documents.map(parseTable);
  if (!tables.some(([name]) => name === 'Bridge')) {
    throw invalid('it has no Bridge table: make it with `ovsdb-client dump --format json`');
  }
  return new Map(tables);
}

function parseTable(text: string): [name: string, rows: Map<string, Row>] {
  let table: Partial<Record<'caption' | 'headings' | 'data', unknown>>;
  try {
    table = JSON.parse(text);
  } catch (error) {
    throw invalid(`it is not JSON: ${(error as Error).message}`);
  }
  const { caption, headings, data } = table;
  if (typeof caption !== 'string' || !Array.isArray(headings) || !Array.isArray(data)) {
    throw invalid('a table in it has no caption, headings or data');
  }
  const rows = data.filter(Array.isArray).map((cells: unknown[]) => {
    const row: Row = Object.fromEntries(headings.map((heading, i) => [String(heading), cells[i]]));
    return [uuids(row._uuid)[0] ?? '', row] as const;
  });
  return [caption.replace(/ table$/, ''), new Map(rows)];
}

function invalid(why: string): TaploomError {
  return new TaploomError('invalid_dump', `Not a dump of an Open vSwitch database: ${why}`);
}

/** A set, or the one value that stands for a set of one. */
export function set(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) && value[0] === 'set' && Array.isArray(value[1]) ? value[1] : [value];
}

export function text(value: unknown): string | undefined {
  const [first] = set(value);
  return typeof first === 'string' && first !== '' ? first : undefined;
}

export function number(value: unknown): number | undefined {
  const [first] = set(value);
  return typeof first === 'number' ? first : undefined;
}

export function numbers(value: unknown): number[] {
  return set(value).filter((item) => typeof item === 'number');
}

export function isTrue(value: unknown): boolean {
  return set(value)[0] === true;
}

export function uuids(value: unknown): string[] {
  return set(value).flatMap((item) => (Array.isArray(item) && item[0] === 'uuid' ? [String(item[1])] : []));
}

export function map(value: unknown): Readonly<Record<string, string | undefined>> {
  const pairs = Array.isArray(value) && value[0] === 'map' && Array.isArray(value[1]) ? value[1] : [];
  return Object.fromEntries(pairs.filter(Array.isArray).map(([key, item]) => [String(key), String(item)]));
}
