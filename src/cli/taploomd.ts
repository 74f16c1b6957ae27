#!/usr/bin/env node
// taploomd: the daemon in the foreground, for systemd or a terminal. Here is its command line; what it needs beyond that
// loads when it is known what is asked for.

import { nameSources } from '../source_positions.ts';
import { type DaemonOptions, daemonCommand } from './daemon_command.ts';

nameSources();

const command = daemonCommand();
command.parse();
const options = command.opts<DaemonOptions>();
if (options.cleanup) {
  const { cleanUp } = await import('./cleanup.ts');
  process.exitCode = await cleanUp();
} else if (options.undo) {
  const { undo } = await import('./undo.ts');
  process.exitCode = await undo(options);
} else {
  const { serve } = await import('./serve.ts');
  await serve(options);
}
