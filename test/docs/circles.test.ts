// No circles among files, in TypeScript and in C: who may import whom, folder by folder, is in imports.test.ts. A type
// that a file takes from another counts like a value: a reader has to follow it as well.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));

type Needs = ReadonlyMap<string, readonly string[]>;

/** TypeScript: what a file imports or exports again. */
function typescriptNeeds(): Needs {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(SRC, file), 'utf8');
      const targets = [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map((match) => match[1]);
      return [file, targets.map((target) => relative(SRC, join(SRC, dirname(file), target)))];
    }),
  );
}

/** C: a file needs the file that defines a function which it calls, whatever header declares it. */
function nativeNeeds(): Needs {
  const files = readdirSync(NATIVE).filter((file) => file.endsWith('.c'));
  const text = new Map(
    files.map((file) => [file, readFileSync(join(NATIVE, file), 'utf8').replace(/\/\*.*?\*\//gs, '')]),
  );
  const owner = new Map<string, string>();
  for (const [file, code] of text) {
    // A definition begins at the margin, is not static, and ends in a body.
    for (const [, name] of code.matchAll(
      /^(?!static|typedef|enum|return)[a-z][\w\s*]*?\b(\w+)\([^;{}]*\)\s*\{/gm,
    ))
      owner.set(name, file);
  }
  return new Map(
    [...text].map(([file, code]) => {
      const called = [...code.matchAll(/\b(\w+)\s*\(/g)].map(([, name]) => owner.get(name));
      return [file, [...new Set(called.filter((one) => one !== undefined && one !== file))] as string[]];
    }),
  );
}

/** The first circle that is found, as a path; undefined if there is none. */
function circleIn(needs: Needs): string | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' -> ');
    if (done.has(file)) return undefined;
    for (const next of needs.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of needs.keys()) {
    const circle = visit(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

test('no file needs itself by way of others, not even for a type', () => {
  const needs = typescriptNeeds();
  expect(needs.size).toBeGreaterThan(50);
  expect(circleIn(needs)).toBeUndefined();
});

test('no C file calls itself by way of others', () => {
  const needs = nativeNeeds();
  expect(needs.get('burst.c')?.length).toBeGreaterThan(0);
  expect(circleIn(needs)).toBeUndefined();
});

test('a circle is found', () => {
  const needs = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['d', ['b']],
  ]);
  expect(circleIn(needs)).toBe('b -> d -> b');
});
