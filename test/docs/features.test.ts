// docs/features.md names a test for each scenario, and each is there.

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const PAGE = new URL('../../docs/features.md', import.meta.url);
const SCENARIO = /^\| .+ \| \[\w+\]\((\.\.\/test\/[\w/]+\.test\.ts)\): \*(.+)\* \|$/gm;

test('each test that stands for a scenario exists under its name', () => {
  const page = readFileSync(PAGE, 'utf8');
  const rows = [...page.matchAll(SCENARIO)];
  expect(rows).toHaveLength(page.match(/\.test\.ts/g)?.length ?? 0);
  expect(rows.length).toBeGreaterThan(50);
  const missing = rows.filter(([, path, name]) => {
    const file = new URL(path, PAGE);
    return !existsSync(file) || !readFileSync(file, 'utf8').includes(name);
  });
  expect(missing.map(([row]) => row)).toEqual([]);
});
