// taploomd as users start it, from the built tree, with a configuration and without its metrics port.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SwitchConfigInput } from '../src/index.ts';
import type { Lab } from './lab.ts';
import type { Process } from './process.ts';

const PROGRAM = fileURLToPath(new URL('../src/programs/taploomd.js', import.meta.url));

/** Started, and not waited for. */
export function startDaemon(lab: Lab, folder: string, config: SwitchConfigInput): Process {
  const file = join(folder, 'switch.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const socket = join(folder, 'taploom.sock');
  const options = ['--config', file, '--socket', socket, '--metrics-address', 'off'];
  return lab.start([process.execPath, PROGRAM, ...options]);
}
