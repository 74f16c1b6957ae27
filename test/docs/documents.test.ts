// The documents keep their word: links lead somewhere, and every configuration shown is one that the switch accepts.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/schema.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${name}`);
const DOCUMENTS = ['README.md', 'CHANGELOG.md', ...inDocs].filter(
  (file) => file.endsWith('.md') && existsSync(join(ROOT, file)),
);
const EXAMPLES = readdirSync(join(ROOT, 'examples')).filter((file) => /\.ya?ml$/.test(file));

const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const configs = DOCUMENTS.flatMap((file) =>
  [...text(file).matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    .map((match) => match[1])
    // A whole configuration; fragments that show one key are not.
    .filter((yaml) => /^version:/m.test(yaml))
    .map((yaml, i) => [`${file} (${i + 1})`, yaml]),
);

/** As GitHub makes them: a heading in lower case, without punctuation, with hyphens for spaces. */
const anchors = (file: string) =>
  [...text(file).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/\]\([^)]*\)|[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.runIf(DOCUMENTS.length > 0)('links', () => {
  test.each(DOCUMENTS)('in %s lead to files that exist, and to headings in them', (file) => {
    const links = [...text(file).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = links.filter(([, path, anchor]) => {
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchors(target).includes(anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

describe.runIf(configs.length > 0)('configurations', () => {
  test.each(configs)('of %s are valid', (_, yaml) => {
    parseConfig(parse(yaml));
  });
});

describe.runIf(EXAMPLES.length > 0)('examples', () => {
  test.each(EXAMPLES)('%s is valid', (file) => {
    parseConfig(parse(text(`examples/${file}`)));
  });
});
