// An inline switch with memory ports, as Rig has it, of the built package: a trace runs in a thread, and threads are
// compiled files.

import { Switch, type Trace } from 'taploom';
import { onTestFinished } from 'vitest';
import { parse, show } from '../support/engine/frame_text.ts';
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

/** What `Rig.say` would give, as a trace foresees it. */
export function foreseen({ port, frame, outcome }: Trace): string[] {
  const bytes = Uint8Array.from(Buffer.from(frame, 'hex'));
  const lines = outcome.copies
    .filter(({ dropped }) => dropped === undefined)
    .map(
      ({ port: to, tag, bytes: length }) =>
        `${to}: ${tag ? `tag ${tag.vlan} ${tag.pcp} ${tag.dei}` : 'untagged'} ${length}`,
    );
  const dropped = outcome.copies.filter((copy) => copy.dropped !== undefined);
  for (const copy of dropped) lines.push(`${copy.port} drops: ${copy.dropped}`);
  if (outcome.verdict === 'dropped' && dropped.length === 0) lines.push(`${port} drops: ${outcome.reason}`);
  void bytes;
  return lines.sort();
}

export { show };
