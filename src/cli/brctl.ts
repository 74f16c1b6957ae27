#!/usr/bin/env node
// `taploom-brctl`, installable as `brctl`: bridge-utils 1.7 on top of a Taploom switch.

import { nameSources } from '../source_positions.ts';
import { runBrctl } from './brctl/run.ts';

nameSources();

// `taploom fdb show | head`: end quietly when the reader has gone, with the status of a death by SIGPIPE
process.stdout.on('error', () => process.exit(141));

process.exitCode = await runBrctl(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
