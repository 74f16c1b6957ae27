// `npm run api`: writes the report of what the library exports to api/, which is committed. `npm run reference`: writes the
// reference from the docstrings to build/reference, which is not.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationReport } from './api/configuration.mjs';
import { reference } from './api/reference.mjs';
import { report } from './api/report.mjs';
import { surface } from './api/surface.mjs';
import { main, ROOT, setup } from './setup.mjs';

await main(async () => {
  setup();
  const isReference = process.argv[2] === '--reference';
  const folder = isReference ? 'build/reference' : 'api';
  mkdirSync(join(ROOT, folder), { recursive: true });
  const pages = [...surface()].map(([entry, found]) => {
    const text = isReference ? reference(entry, found).page : report(entry, found);
    return [`${entry.replaceAll('/', '-')}.md`, text];
  });
  if (!isReference) {
    const { configShape } = await import(join(ROOT, 'dist/src/config/shape.js'));
    pages.push(['configuration.md', configurationReport(configShape)]);
  }
  for (const [name, text] of pages) {
    const file = join(folder, name);
    const before = existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8') : undefined;
    writeFileSync(join(ROOT, file), text);
    process.stdout.write(`${file}: ${before === text ? 'the same' : 'changed'}\n`);
  }
});
