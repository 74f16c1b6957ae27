// Programs that time the engine alone, each in a process of its own, on the CPU that switches have. They belong to a lab,
// so that none outlives its bench.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needTool } from './contenders/contender.ts';
import { SWITCH_CPU } from './cpus.ts';
import { Lab } from './lab.ts';
import type { Process } from './process.ts';

/** @param folder that of another tree @throws Skip without the tools */
export function startMeasuring(
  lab: Lab,
  name: string,
  args: readonly (string | number)[],
  nodeOptions: readonly string[] = [],
  folder = fileURLToPath(new URL('.', import.meta.url)),
): Process {
  needTool('setpriv', 'taskset');
  const program = join(folder, `${name}.js`);
  return lab.start([process.execPath, ...nodeOptions, program, ...args.map(String)], { cpus: SWITCH_CPU });
}

/** What one of them prints, which is JSON. */
export async function measure(
  timeoutMs: number,
  name: string,
  args: readonly (string | number)[],
  nodeOptions?: readonly string[],
  folder?: string,
): Promise<unknown> {
  const lab = new Lab();
  try {
    return JSON.parse(await startMeasuring(lab, name, args, nodeOptions, folder).output(timeoutMs));
  } finally {
    lab.close();
  }
}
