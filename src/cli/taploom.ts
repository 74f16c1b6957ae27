#!/usr/bin/env node
// The client's start: as little as possible, because a shell script may call it a hundred times. The commands load
// when one is run, and each loads only what it prints with.

import { taploomVersion } from '../control/version.ts';
import { nameSources } from '../source_positions.ts';

nameSources();

// `taploom fdb show | head`: end quietly when the reader has gone, with the status of a death by SIGPIPE
process.stdout.on('error', () => process.exit(141));

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  console.log(`taploom ${taploomVersion()}`);
} else {
  const { run } = await import('./program.ts');
  process.exitCode = await run(args);
}
