// `npm run bench`: set-up, the peers that are written in C, then the benches. Arguments go to them:
// `npm run bench -- --help`.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { main, needTools, ROOT, SetupError, setup } from './setup.mjs';

await main(async () => {
  if (process.argv.includes('--json')) setupAside();
  else setup();
  try {
    needTools(['ip', 'iperf3'], 'Measuring traffic');
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    // Not fatal: the benches that need these tools are skipped, and say so.
    process.stderr.write(`${error.message}\n`);
  }
  buildPump();
  // In this process, so that Ctrl-C reaches whoever has something to clean up.
  await import(join(ROOT, 'dist/bench/main.js'));
});

/** Set-up that says what it does on stderr: stdout is for the report. */
function setupAside() {
  const args = [join(ROOT, 'scripts/setup.mjs')];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['inherit', 2, 'inherit'] });
  if (status !== 0) throw new SetupError('The set-up failed.');
}

function buildPump() {
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const args = ['-O2', '-Wall', '-Wextra', '-o', 'build/pump', 'bench/peers/pump.c'];
  const { status } = spawnSync('cc', args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.stderr.write('bench/peers/pump.c did not compile, so the C pump is left out.\n');
}
