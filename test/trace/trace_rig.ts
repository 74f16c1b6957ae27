// An inline switch with memory ports, as Rig has it, of the built package: a trace runs in a thread, and threads are
// compiled files.

import { Switch, type Trace } from 'taploom';
import { onTestFinished } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';
import { configOf, Rig } from '../support/engine/rig.ts';

export class TraceRig extends Rig {
  /** The trace of a frame in the words of frame_text.ts. */
  trace(port: string, line: string, bridge = 'br0', remote?: string): Promise<Trace> {
    return this.taploom.trace({ bridge, port, frame: parse(line), remote });
  }

  /** All sentences of a trace, but for what was received. */
  async told(port: string, line: string, bridge = 'br0'): Promise<string[]> {
    const { steps } = await this.trace(port, line, bridge);
    return steps
      .filter(({ stage }) => stage !== 'receive')
      .map(({ stage, message }) => `${stage}: ${message}`);
  }

  /** Everything that a trace must not change: counters, entries with their ages. */
  async state(): Promise<string> {
    const entries: unknown[] = [];
    for await (const page of this.taploom.fdb()) entries.push(...page);
    return JSON.stringify([this.taploom.ports(), this.taploom.bridges(), entries]);
  }
}

export async function openTraceRig(bridges: Parameters<typeof configOf>[0]): Promise<TraceRig> {
  const taploom = await Switch.open(configOf(bridges), { threaded: false });
  onTestFinished(() => taploom.close());
  return new TraceRig(taploom as never);
}
