// Frames into a bench, and what came of them, as lines.

import { expect } from 'vitest';
import { PORT } from '../../../src/table/counters.ts';
import { DROPS } from '../../../src/table/drops.ts';
import { type Packet, packet, showPacket } from './packets.ts';
import { type Bench, lawViolations } from './stubs.ts';

let now = 0;

/** Sends frames into a port; returns what left where, in order, and the drops. Both laws are checked. */
export function say(bench: Bench, port: string, ...frames: (Packet | Uint8Array)[]): string[] {
  const { engine, source, sink, counters, compiler } = bench;
  const ports = compiler.ports.length;
  const before = counters.values.slice(0, counters.port(ports));
  sink.sent.clear();
  sink.bytes.length = 0;
  sink.ports.length = 0;
  sink.columns.length = 0;
  for (const frame of frames)
    source.add(bench.port(port), frame instanceof Uint8Array ? frame : packet(frame));
  engine.poll(++now);
  for (let n = 0; engine.isBusy && n < 20; n++) engine.poll(now);
  expect(lawViolations(counters, true, ports)).toEqual([]);
  const lines = sink.bytes.map((bytes, n) => `${compiler.ports.name(sink.ports[n])}: ${showPacket(bytes)}`);
  for (let number = 0; number < ports; number++) {
    const at = counters.port(number) + PORT.drops;
    for (const [code, { name }] of DROPS.entries()) {
      if (counters.values[at + code] > before[at + code])
        lines.push(`${compiler.ports.name(number)} drops: ${name}`);
    }
  }
  return lines;
}
