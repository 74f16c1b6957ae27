// Programs that time the engine alone, each in a process of its own, on the CPU that switches have. They belong to a lab,
// so that none outlives its bench.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needTool } from './contenders/contender.ts';
import { SWITCH_CPU } from './cpus.ts';
import { Lab } from './lab.ts';
import type { Process } from './process.ts';

/** Until a program is ready, and until it has timed a chunk. */
const READY_MS = 60_000;
const TURN_MS = 10_000;

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

/** One that takes turns with others: it gets ready, and then times one chunk whenever it is asked. */
export class TurnTaker {
  private readonly program: Process;

  private constructor(program: Process) {
    this.program = program;
  }

  /** @param what grows in measure_growth.ts @param folder that of another tree */
  static start(lab: Lab, what: string, size: number, folder?: string): Promise<TurnTaker> {
    return TurnTaker.of(startMeasuring(lab, 'measure_growth', [what, size], [], folder));
  }

  /** @param feature its place in FEATURES */
  static withFeature(lab: Lab, feature: number): Promise<TurnTaker> {
    return TurnTaker.of(startMeasuring(lab, 'measure_feature', [feature]));
  }

  /** @param feature its place in GROUP_FEATURES */
  static withGroups(lab: Lab, feature: number): Promise<TurnTaker> {
    return TurnTaker.of(startMeasuring(lab, 'measure_groups', [feature]));
  }

  /** @param feature its place in ACL_FEATURES */
  static withAcls(lab: Lab, feature: number): Promise<TurnTaker> {
    return TurnTaker.of(startMeasuring(lab, 'measure_acls', [feature]));
  }

  /** @param load of the shaped ports */
  static withShapers(lab: Lab, load: 'busy' | 'idle', ports: number): Promise<TurnTaker> {
    return TurnTaker.of(startMeasuring(lab, 'qos/measure_shapers', [load, ports]));
  }

  private static async of(program: Process): Promise<TurnTaker> {
    await program.waitFor(/^ready\n/, READY_MS);
    return new TurnTaker(program);
  }

  /** ns for each copy. */
  async turn(): Promise<number> {
    const { program } = this;
    program.stdout = '';
    program.child.stdin?.write('\n');
    return Number((await program.waitFor(/^(\S+)\n/, TURN_MS))[1]);
  }
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
