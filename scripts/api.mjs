// `npm run api`: writes the report of what the library exports to api/, which is committed. `npm run reference`: writes the
// reference from the docstrings to build/reference, which is not.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reference } from './api/reference.mjs';
import { report } from './api/report.mjs';
import { surface } from './api/surface.mjs';
import { main, ROOT, setup } from './setup.mjs';

await main(() => {
  setup();
  const isReference = process.argv[2] === '--reference';
  const folder = isReference ? 'build/reference' : 'api';
  mkdirSync(join(ROOT, folder), { recursive: true });
  for (const [entry, found] of surface()) {
    const file = join(folder, `${entry.replaceAll('/', '-')}.md`);
    const text = isReference ? reference(entry, found).page : report(entry, found);
    const before = existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8') : undefined;
    writeFileSync(join(ROOT, file), text);
    process.stdout.write(`${file}: ${before === text ? 'the same' : 'changed'}\n`);
  }
});
