// The public surface of the library, as its declarations have it: documented, linked, and the same as the report says.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { configurationReport } from '../../scripts/api/configuration.mjs';
import { reference } from '../../scripts/api/reference.mjs';
import { report } from '../../scripts/api/report.mjs';
import { type Named, surface } from '../../scripts/api/surface.mjs';
import { configShape } from '../../src/config/shape.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const entries = [...surface()];
const page = (entry: string) => `${entry.replaceAll('/', '-')}.md`;

test.each(entries)('%s: api/ has the report of what is exported; npm run api writes it', (entry, found) => {
  expect(report(entry, found)).toBe(readFileSync(join(ROOT, 'api', page(entry)), 'utf8'));
});

test('api/ has the report of the keys of the configuration; npm run api writes it', () => {
  const text = configurationReport(configShape);
  expect(text).toBe(readFileSync(join(ROOT, 'api/configuration.md'), 'utf8'));
  for (const line of [
    'version: 1',
    'bridges.*.ports.*(vhost_user).socket_mode?: string = "0660"',
    'bridges.*.ports.*(veth).netns: string',
  ])
    expect(text.split('\n')).toContain(line);
});

test.each(entries)('%s: every export has a docstring', (_, { exported }) => {
  expect(exported.length).toBeGreaterThan(5);
  expect(exported.filter(({ doc }) => doc === '').map(({ name }) => name)).toEqual([]);
});

test('links of the reference lead somewhere', () => {
  const pages = new Map(entries.map(([entry, found]) => [page(entry), reference(entry, found)]));
  const anchors = (text = '') =>
    new Set([...text.matchAll(/^## (\w+)$/gm)].map(([, name]) => name.toLowerCase()));
  for (const [own, { page: text, broken }] of pages) {
    expect(broken).toEqual([]);
    const links = [...text.matchAll(/\]\(([\w.-]*)#(\w+)\)/g)];
    expect(links.length).toBeGreaterThan(20);
    const lost = links.filter(([, file, name]) => !anchors(pages.get(file || own)?.page).has(name));
    expect(lost.map(([link]) => link)).toEqual([]);
  }
});

test('a change of a signature, and a docstring that names what is not there, are noticed', () => {
  const one: Named = { name: 'A', doc: 'As {@link B}, unlike {@link A}.', text: 'type A = 1;', uses: [] };
  const found = { exported: [one], reached: [] };
  const other = { exported: [{ ...one, text: 'type A = 2;' }], reached: [] };
  expect(report('x', found)).not.toBe(report('x', other));
  expect(
    report('x', { exported: [{ ...one, text: '/** new */\ntype A = 1;', doc: 'new' }], reached: [] }),
  ).toBe(report('x', found));
  expect(reference('x', found).broken).toEqual(['A: {@link B}']);
  expect(reference('x', found).page).toContain('unlike [A](#a).');
});

test('nothing private, internal or of the inside is part of it', () => {
  const all = entries.flatMap(([, { exported, reached }]) => [...exported, ...reached]);
  expect(all.filter(({ text }) => /^\s*private |@internal/m.test(text)).map(({ name }) => name)).toEqual([]);
  expect(all.map(({ name }) => name)).not.toContain('Topology');
});
