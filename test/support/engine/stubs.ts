// An engine with the simplest devices: a source that holds a list of frames, and a sink that remembers what it was
// given. For tests of the poll itself; everything else goes through a Switch (rig.ts).

import { Compiler } from '../../../src/compile/compiler.ts';
import type { Overlay } from '../../../src/compile/overlay.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import { Engine, type EngineOptions } from '../../../src/engine/engine.ts';
import { COPY, COPY_WORDS, type EgressQueue, type Sink, type Source } from '../../../src/engine/port.ts';
import type { Topology } from '../../../src/engine/topology.ts';
import { COLUMN, type FrameBatch, ROW } from '../../../src/frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../../../src/frame/hop.ts';
import type { Offload } from '../../../src/port/memory.ts';
import { Counters, PORT } from '../../../src/table/counters.ts';
import { DROP, DROPS } from '../../../src/table/drops.ts';
import { parse, show } from './frame_text.ts';
import { configOf } from './rig.ts';

const NONE: Offload = { gsoType: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };

export class StubSource implements Source {
  private readonly waiting: { port: number; bytes: Uint8Array; offload: Offload }[] = [];

  add(port: number, line: string | Uint8Array, offload: Offload = NONE): void {
    this.waiting.push({ port, bytes: typeof line === 'string' ? parse(line) : line, offload });
  }

  receive(batch: FrameBatch, limit: number): void {
    for (const { port, bytes, offload } of this.waiting.splice(0, limit)) {
      const row = batch.append(port, bytes.length);
      batch.bytes.set(bytes, batch.frameAt(row));
      for (const [name, value] of Object.entries(offload))
        batch.rows[row + COLUMN[name as keyof Offload]] = value;
    }
  }
}

export class StubSink implements Sink {
  /** Lines by port. */
  readonly sent = new Map<number, string[]>();
  /** All that was sent, and through which port. */
  readonly bytes: Uint8Array[] = [];
  readonly ports: number[] = [];
  /** Columns of its rows. */
  readonly columns: Int32Array[] = [];
  /** How many copies each call brought. */
  readonly calls: number[] = [];
  private readonly counters: Counters;
  /** Copies that a port takes before it is full. */
  room = Number.POSITIVE_INFINITY;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    this.calls.push(queue.count);
    for (let k = 0; k < queue.count * COPY_WORDS; k += COPY_WORDS) {
      const row = queue.copies[k + COPY.row];
      const tagWord = queue.copies[k + COPY.tag];
      const port = queue.copies[k + COPY.hop] & PORT_MASK;
      const at = this.counters.port(port);
      const lines = this.sent.get(port) ?? [];
      this.sent.set(port, lines);
      if (lines.length >= this.room) {
        this.counters.values[at + PORT.drops + DROP.queue_full] += 1;
        continue;
      }
      const whole = batch.bytes.subarray(batch.aux, batch.aux + batch.gather(row, batch.aux));
      const tag = Buffer.alloc(tagWord === 0 ? 0 : 4);
      if (tag.length > 0) tag.writeInt32BE(tagWord);
      const bytes = Uint8Array.from([...whole.subarray(0, 12), ...tag, ...whole.subarray(12)]);
      lines.push(show(bytes));
      this.bytes.push(bytes);
      this.ports.push(port);
      this.columns.push(batch.rows.slice(row, row + ROW));
      this.counters.values[at + PORT.transmittedFrames] += 1;
    }
    queue.count = 0;
  }
}

export interface Bench {
  engine: Engine;
  counters: Counters;
  source: StubSource;
  sink: StubSink;
  compiler: Compiler;
  /** Number of a port. */
  port(name: string): number;
  topology(bridges: Parameters<typeof configOf>[0], overlay?: Overlay): Topology;
}

/** Of more than bridges. */
interface Compilation {
  compiler: Compiler;
  topology: Topology;
}

export function openBench(
  bridges: Parameters<typeof configOf>[0],
  options: Pick<EngineOptions, 'createRoute' | 'neighbours'> & Partial<Compilation> = {},
): Bench {
  const counters = Counters.allocate(MAX_PORTS, 64);
  const { compiler = new Compiler() } = options;
  const topology = (next: typeof bridges, overlay?: Overlay) =>
    compiler.compile(parseConfig(configOf(next)), overlay).topology;
  const engine = new Engine({
    counters,
    topology: options.topology ?? topology(bridges),
    seed: Int32Array.of(1, 22, 333, 4444),
    createRoute: options.createRoute,
    neighbours: options.neighbours,
  });
  const source = new StubSource();
  const sink = new StubSink(counters);
  engine.addSource(source);
  const port = (name: string) => compiler.ports.find(name) as number;
  for (const { ports = {} } of Object.values(bridges)) {
    for (const name of Object.keys(ports)) engine.attach(port(name), sink);
  }
  return { engine, counters, source, sink, compiler, port, topology };
}

/** What is left over of each law for every port that was ever used: all empty when they hold. */
export function lawViolations(counters: Counters, isExact = true, ports = MAX_PORTS): string[] {
  const wrong: string[] = [];
  const { values } = counters;
  for (let port = 0; port < ports; port++) {
    const at = counters.port(port);
    let frames =
      values[at + PORT.receivedFrames] +
      values[at + PORT.injected] +
      values[at + PORT.generated] +
      values[at + PORT.recirculated] -
      values[at + PORT.forwarded] -
      values[at + PORT.consumed];
    let copies = values[at + PORT.copies] - values[at + PORT.held] - values[at + PORT.transmittedFrames];
    for (let code = 0; code < DROPS.length; code++) {
      const count = values[at + PORT.drops + code];
      if (DROPS[code].side === 'receive') frames -= count;
      else copies -= count;
    }
    if (frames !== 0 && (isExact || frames < 0)) wrong.push(`port ${port}: ${frames} frames`);
    if (copies !== 0) wrong.push(`port ${port}: ${copies} copies`);
  }
  return wrong;
}
