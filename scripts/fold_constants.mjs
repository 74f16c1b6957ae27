// Writes the numbers of constant tables in place: `rows[row + COLUMN.length]` becomes `rows[row + 2]`.
//
// V8 folds such an access itself, but only once it compiles, and decides by the size of the *bytecode* what it inlines: 920
// bytes in all. With the tables' accesses in it the loop of `replicate` did not fit any more (66 ns a frame instead of 59).
// A table is `const NAME = { key: number, ... } as const`, declared in the file or imported into it, also by way of another file.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const TABLE = /^(?:export )?const (\w+) = \{([^{}]*)\} as const;/gm;
const IMPORT = /^import (?!type)\{([^}]*)\} from '(\.[^']+)';/gm;

/** By name, the tables that code declares: key -> number, as text. */
function declaredIn(code) {
  const tables = new Map();
  for (const [, name, body] of code.matchAll(TABLE)) {
    const entries = [
      ...body.replace(/\/\*\*?.*?\*\/|\/\/.*$/gms, '').matchAll(/(\w+):\s*([^,]+?)\s*(?:,|$)/gs),
    ];
    const isPlain = entries.length > 0 && entries.every(([, , value]) => /^(?:0x)?[\d_a-f]+$/i.test(value));
    if (isPlain) tables.set(name, new Map(entries.map(([, key, value]) => [key, value])));
  }
  return tables;
}

/** Those and what it imports, under the names that it has for them. */
function tablesOf(code, file) {
  const tables = declaredIn(code);
  for (const [, names, target] of code.matchAll(IMPORT)) {
    const theirs = tablesOfFile(resolve(dirname(file), target));
    for (const name of names.split(',')) {
      const [from, to = from] = name.trim().split(' as ');
      if (theirs.has(from) && !tables.has(to)) tables.set(to, theirs.get(from));
    }
  }
  return tables;
}

const known = new Map();

function tablesOfFile(file) {
  if (!known.has(file)) {
    known.set(file, new Map()); // should files ever go round in a circle
    known.set(file, tablesOf(readFileSync(file, 'utf8'), file));
  }
  return known.get(file);
}

export const foldConstants = {
  name: 'fold-constants',
  transform(code, file) {
    if (!file.endsWith('.ts')) return null;
    const tables = tablesOf(code, file);
    let folded = code;
    for (const [name, table] of tables) {
      folded = folded.replace(
        new RegExp(`(?<![.\\w])${name}\\.(\\w+)\\b(?!\\s*[(:=](?!=))`, 'g'),
        (access, key) => table.get(key) ?? access,
      );
    }
    return folded === code ? null : { code: folded, map: null };
  },
};
