// Programs that time the engine alone, each in a process of its own, on the CPU that switches have. They belong to a lab,
// so that none outlives its bench.

import { fileURLToPath } from 'node:url';
import { needTool } from './contenders/contender.ts';
import { SWITCH_CPU } from './cpus.ts';
import { Lab } from './lab.ts';
import type { Process } from './process.ts';

/** @throws Skip without the tools */
export function startMeasuring(
  lab: Lab,
  name: string,
  args: readonly (string | number)[],
  nodeOptions: readonly string[] = [],
): Process {
  needTool('setpriv', 'taskset');
  const program = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return lab.start([process.execPath, ...nodeOptions, program, ...args.map(String)], { cpus: SWITCH_CPU });
}

/** What one of them prints, which is JSON. */
export async function measure(
  timeoutMs: number,
  name: string,
  args: readonly (string | number)[],
  nodeOptions?: readonly string[],
): Promise<unknown> {
  const lab = new Lab();
  try {
    return JSON.parse(await startMeasuring(lab, name, args, nodeOptions).output(timeoutMs));
  } finally {
    lab.close();
  }
}
