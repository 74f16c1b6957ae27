#!/usr/bin/env node
// `taploom-bridge`, installable as `bridge`: iproute2's bridge(8) on top of a Taploom switch.

import { nameSources } from '../source_positions.ts';
import { runBridge } from './bridge/run.ts';

nameSources();

// `bridge fdb | head`: end quietly when the reader has gone, with the status of a death by SIGPIPE
process.stdout.on('error', () => process.exit(141));

process.exitCode = await runBridge(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
