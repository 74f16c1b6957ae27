// `npm test`: set-up, then every test. Arguments go to vitest: `npm test -- --project 'unit*'`, `npm test -- fdb`.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { main, needTools, ROOT, SetupError, setup, TEST_TOOLS } from './setup.mjs';

await main(() => {
  setup();
  try {
    needTools(TEST_TOOLS.tools, TEST_TOOLS.purpose);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    // Not fatal: the tests that need these tools are skipped, and say so.
    process.stdout.write(`${error.message}\n`);
  }
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', ...process.argv.slice(2)];
  // Ctrl-C reaches vitest too; wait for it to clean up.
  process.on('SIGINT', () => {});
  process.exitCode = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
});
