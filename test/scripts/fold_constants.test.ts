import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
// @ts-expect-error: a script of the build, without types
import { foldConstants } from '../../scripts/fold_constants.mjs';

function fold(code: string, other = ''): string {
  const folder = mkdtempSync(join(tmpdir(), 'fold-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'other.ts'), other);
  return foldConstants.transform(code, join(folder, 'it.ts'))?.code ?? code;
}

const TABLE = `export const COLUMN = {
  /** Byte offset, of: nothing. */
  start: 0,
  rest: 0x10, // hexadecimal
} as const;
`;

test('an imported table is written in place', () => {
  const code = "import { COLUMN } from './other.ts';\nrows[row + COLUMN.rest] = rows[COLUMN.start];";
  expect(fold(code, TABLE)).toContain('rows[row + 0x10] = rows[0];');
});

test('under another name, and a table of the file itself, of which there may be one of the same name elsewhere', () => {
  const code =
    "import { COLUMN as C } from './other.ts';\nconst COLUMN = { rest: 7 } as const;\nf(C.rest, COLUMN.rest);";
  expect(fold(code, TABLE)).toContain('f(0x10, 7);');
});

test('what is no number, no table, or no access to it stays', () => {
  const code =
    "const NAMES = { a: 'text', b: 1 } as const;\nconst COPY = { a: 1 } as const;\nx.COPY.a; NAMES.b; COPY.b; MYCOPY.a;";
  expect(fold(code)).toBe(code);
});

test('every table of the data plane’s columns and counters is folded', () => {
  const code = "import { COLUMN } from '../frame/frame_batch.ts';\nCOLUMN.mark";
  const file = new URL('../../src/engine/somewhere.ts', import.meta.url).pathname;
  expect(foldConstants.transform(code, file).code).toContain('\n14');
});

test('a table that a file only passes on is folded, too', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fold-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'table.ts'), TABLE);
  writeFileSync(join(folder, 'other.ts'), "import { COLUMN } from './table.ts';\n\nexport { COLUMN };\n");
  const code = "import { COLUMN as C } from './other.ts';\nC.rest";
  expect(foldConstants.transform(code, join(folder, 'it.ts'))?.code).toContain('\n0x10');
});
