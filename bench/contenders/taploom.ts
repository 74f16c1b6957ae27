import { fileURLToPath } from 'node:url';
import type { PortStatus, SwitchConfigInput } from '../../src/index.ts';
import { SWITCH_CPU } from '../cpus.ts';
import type { Lab } from '../lab.ts';
import type { Process } from '../process.ts';
import { type Contender, type ContenderKind, connect, hostNamespaces } from './contender.ts';

const PROGRAM = fileURLToPath(new URL('../switch_process.js', import.meta.url));
export const TAPLOOM = 'Taploom';

export interface TaploomOptions {
  workers?: number;
  nodeOptions?: readonly string[];
  netns?: string;
  cpus?: string;
  /** switch_process.js of another tree. */
  program?: string;
}

/** Beside what there is anyway. */
export interface TapsOptions extends TaploomOptions {
  /** Of each port. */
  port?: object;
  groups?: SwitchConfigInput['groups'];
}

/** A switch in a process of its own. */
export class TaploomProcess {
  readonly process: Process;

  private constructor(started: Process) {
    this.process = started;
  }

  static async start(
    lab: Lab,
    config: SwitchConfigInput,
    { workers = 1, nodeOptions = [], netns, cpus = SWITCH_CPU, program = PROGRAM }: TaploomOptions = {},
  ): Promise<TaploomProcess> {
    const command = [process.execPath, ...nodeOptions, program, JSON.stringify(config), String(workers)];
    const started = lab.start(command, { netns, cpus });
    await started.waitFor(/^ready/m, 30_000);
    return new TaploomProcess(started);
  }

  async ports(): Promise<PortStatus[]> {
    const { process: running } = this;
    running.stdout = '';
    running.child.stdin?.write('ports\n');
    const [, json] = await running.waitFor(/^ports (.*)\n/m);
    return JSON.parse(json);
  }

  /** By reason, of all ports. */
  async drops(): Promise<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const { counters } of await this.ports()) {
      for (const reasons of [counters.receiveDropped, counters.transmitDropped]) {
        for (const [reason, count] of Object.entries(reasons)) sum[reason] = (sum[reason] ?? 0) + count;
      }
    }
    return sum;
  }
}

/** TAPs in the hosts, all on one bridge. */
export function taploomWith(name: string, { port, groups, ...options }: TapsOptions): ContenderKind {
  return {
    name,
    async open(lab, { hosts, offloads = true }): Promise<Contender> {
      const namespaces = hostNamespaces(lab, `taploom${name === TAPLOOM ? '' : name}`, hosts);
      const ports = Object.fromEntries(
        namespaces.map((netns, n) => [`tl${n}`, { type: 'tap' as const, netns, offloads, ...port }]),
      );
      const bridges = { tlbench: { local: false as const, ports } };
      const config = { version: 1 as const, bridges, ...(groups && { groups }) };
      const running = await TaploomProcess.start(lab, config, options);
      const devices = namespaces.map((netns, n) => ({ netns, device: `tl${n}` }));
      return {
        name,
        hosts: connect(lab, devices),
        processes: [running.process],
        drops: () => running.drops(),
      };
    },
  };
}

export const taploomTaps = taploomWith(TAPLOOM, {});
