// `npm run man`: writes the man pages into man/, from the commands as built. Set-up runs it after each build.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The page shows the default, not what this shell is told.
delete process.env.TAPLOOM_SOCKET;
delete process.env.XDG_RUNTIME_DIR;
const { manPages } = await import('../dist/src/cli/manual/pages.js');

const MAN = fileURLToPath(new URL('../man', import.meta.url));
// Distributions build twice and compare: https://reproducible-builds.org/specs/source-date-epoch/
const seconds = process.env.SOURCE_DATE_EPOCH;
const date = (seconds ? new Date(Number(seconds) * 1000) : new Date()).toISOString().slice(0, 10);

mkdirSync(MAN, { recursive: true });
for (const [file, text] of manPages(date)) writeFileSync(join(MAN, file), text);
