// A value as error messages quote it: short, on one line, and recognisable to the person who wrote it.

import { escapeUnfit } from '../wire/plain_text.ts';

const MAX_LENGTH = 60;

export function show(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  return quote(value.length > MAX_LENGTH ? `${value.slice(0, MAX_LENGTH)}...` : value);
}

/** As JSON, with nothing in it that a terminal obeys. */
export function quote(text: string): string {
  return escapeUnfit(JSON.stringify(text));
}
