#!/usr/bin/env node
// `taploom-brctl`, installable as `brctl`: bridge-utils 1.7 on top of a Taploom switch.

import { runBrctl } from './brctl/run.ts';

process.exitCode = await runBrctl(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
