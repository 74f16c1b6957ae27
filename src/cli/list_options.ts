// The options of every command that prints a list: which rows, in which order, and as what.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { number } from './setting_values.ts';

/** How many of something: 1, 2, ... */
export const count = (text: string): number => {
  const value = number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a number from 1.');
  return value;
};

/** Of a timer, which would take more for nothing. */
export const interval = (text: string): number => {
  const seconds = number(text);
  if (seconds < 0.1 || seconds > 86_400) throw new InvalidArgumentError('Expected 0.1 to 86400 seconds.');
  return seconds;
};

const several = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

const format = (text: string): string => {
  if (['table', 'csv', 'tsv', 'json'].includes(text) || text.includes('{')) return text;
  throw new InvalidArgumentError("Expected table, csv, tsv, json, or a line such as '{port} {state}'.");
};

/** `names`: of the columns. */
export function addListOptions(command: Command, names: readonly string[]): Command {
  return command
    .addOption(new Option('--sort <column>', 'largest first, or by the alphabet').choices(names))
    .option('--reverse', 'the other way round')
    .option('--filter <text>', 'only rows with it: vm, port=vm*, state!=up, rx>1k; repeat', several)
    .option('--top <number>', 'only the first so many', count)
    .option('--format <format>', "csv, tsv, json, or a line for each: '{port}'", format);
}
