// `npm run oracle [-- FRAMES [SEED]]`: random frames into Taploom and into the switches and routers that it is compared with, see
// docs/oracle.md. FRAMES is for each of them.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { main, ROOT, SetupError } from './setup.mjs';

const TESTS = ['test/system/oracle.test.ts', 'test/system/route_oracle.test.ts'];

await main(() => {
  const [frames = '100000', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
  for (const value of [frames, seed]) {
    if (!/^\d+$/.test(value)) throw new SetupError(`${value} is not a number: npm run oracle -- FRAMES SEED`);
  }
  const args = [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    'patient',
    '-t',
    'does the same',
  ];
  const env = { ...process.env, ORACLE_FRAMES: frames, ORACLE_SEED: seed };
  const options = { cwd: ROOT, env, stdio: 'inherit' };
  process.exitCode = spawnSync(process.execPath, [...args, ...TESTS], options).status ?? 1;
});
