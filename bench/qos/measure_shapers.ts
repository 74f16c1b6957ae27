// Times an engine with shaped ports. Arguments: `busy` or `idle`, and how many there are. Busy ones have more than they may send, at a
// rate that is the same for all together; idle ones have nothing, and the frames go to a port beside them. Time is that of the traffic:
// a batch takes as long as all ports take for it, so an engine that is slow has no more to do than one that is fast.

import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Source } from '../../src/engine/port.ts';
import type { FrameBatch } from '../../src/frame/frame_batch.ts';
import { Shapers } from '../../src/port/shapers.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import { MAC_HI } from '../feature_frames.ts';
import { macLo, NullSink } from '../stations.ts';
import { takeTurns } from '../turns.ts';

/** Of all ports together, kb/s: what is sent is more. */
const RATE = 1_000_000;
const OFFERED = 1.1;
const FRAME_LEN = 200;
/** Bytes that wait in all ports together. */
const LIMIT = 8_192_000;

class ShapedPorts implements Source {
  readonly engine: Engine;
  private readonly counters: Counters;
  private readonly isBusy: boolean;
  private readonly shaped: number;
  private time = 1000;
  private next = 0;

  constructor(isBusy: boolean, shaped: number) {
    this.isBusy = isBusy;
    this.shaped = shaped;
    const compiler = new Compiler();
    const { topology } = compiler.compile(configOf(shaped));
    this.counters = Counters.allocate(shaped + 3, 2);
    const seed = Int32Array.of(0x1f83_d9ab, 0x5be0_cd19, 0x9e37_79b9, 0x85eb_ca6b);
    this.engine = new Engine({ counters: this.counters, topology, seed });
    const { engine } = this;
    const sink = new NullSink();
    const shapers = new Shapers(this.counters, engine.clock, seed);
    shapers.load(topology.qos);
    for (const name of ['from', 'beside']) engine.attach(compiler.ports.find(name) as number, sink);
    topology.qos?.ports.forEach((port, row) => {
      shapers.add(port, sink, row, engine.batch);
      engine.attach(port, shapers);
    });
    engine.addSource(this);
  }

  /** Frames that came: of busy ports nine of ten leave. */
  get copies(): number {
    const { counters } = this;
    let sum = 0;
    for (let port = 1; port < this.shaped + 3; port++)
      sum += counters.values[counters.port(port) + PORT.copies];
    return sum;
  }

  now(): number {
    return this.time;
  }

  receive(batch: FrameBatch, limit: number): void {
    const { view } = batch;
    for (let n = 0; n < limit; n++) {
      const at = batch.frameAt(batch.append(1, FRAME_LEN));
      ethernet.setDst(view, at, MAC_HI, macLo(this.isBusy ? 1 + this.next : 0));
      ethernet.setSrc(view, at, MAC_HI, macLo(-1));
      ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
      this.next = this.next + 1 >= this.shaped ? 0 : this.next + 1;
    }
    this.time += (limit * FRAME_LEN * 8) / RATE / OFFERED;
  }
}

function configOf(shaped: number) {
  const qos = {
    shape: { rate: `${RATE / Math.max(1, shaped)}kbit`, burst: '10us' },
    limit: `${LIMIT / Math.max(1, shaped)}b`,
  };
  const names = Array.from({ length: shaped }, (_, n) => `s${n}`);
  const own = Object.fromEntries(names.map((name) => [name, { type: 'memory', qos }]));
  const ports = { from: { type: 'memory' }, beside: { type: 'memory' }, ...own };
  const stations = ['beside', ...names].map((port, n) => ({ mac: macOf(n), port }));
  return parseConfig({ version: 1, bridges: { bench: { local: false, static: stations, ports } } });
}

function macOf(station: number): string {
  const lo = macLo(station) >>> 0;
  const bytes = [2, 0, lo >>> 24, (lo >>> 16) & 255, (lo >>> 8) & 255, lo & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

takeTurns(new ShapedPorts(process.argv[2] === 'busy', Number(process.argv[3])));
