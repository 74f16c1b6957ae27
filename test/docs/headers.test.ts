// A file opens with ten lines at most: what it is, its data structure, what it assumes. Reasons are in
// docs/decisions.md.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['src', 'native', 'bench', 'scripts', 'test'];
const MOST = 10;

/** Lines of the comment with which a file opens. */
function headerLines(text: string): number {
  const [first] = text.match(/^(?:#!.*\n)?(?:\/\*[\s\S]*?\*\/|(?:(?:\/\/|# |#$).*\n)*)/) ?? [''];
  return first.split('\n').filter((line) => line !== '' && !line.startsWith('#!')).length;
}

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|mjs|c|h|py|sh)$/.test(file))
    .map((file) => `${folder}/${file}`),
);

test('no file opens with more than ten lines of comment', () => {
  expect(files.length).toBeGreaterThan(200);
  const long = files.filter((file) => headerLines(readFileSync(join(ROOT, file), 'utf8')) > MOST);
  expect(long).toEqual([]);
});

test('headers are counted', () => {
  const count = (lines: string[]) => headerLines(`${lines.join('\n')}\n`);
  expect(count(['// one', '//', '// three', '', '// not of it', 'code'])).toBe(3);
  expect(count(['/*', ' * two', ' */', '#include <a.h>'])).toBe(3);
  expect(count(['#!/bin/sh', '# one', 'code', '# not of it'])).toBe(1);
  expect(count(['#define A', '// not of it'])).toBe(0);
  expect(count(['code', '// not of it'])).toBe(0);
});
