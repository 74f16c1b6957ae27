// The engine's own workload: N stations behind 8 ports of a VLAN-aware bridge, 4 access ports and 4 trunks.
//
// Every frame goes from one uniformly random station to another behind a different port, so each is forwarded once:
// parsed, its tag taken off (half of them), learned, looked up, counted, and tagged again (half of them). Each of the
// frames of a batch lies in a slot of its own, 64 KiB apart, as if a device had read them.
//
// Its `receive` is what a generator costs, not what the switch costs: whoever measures leaves it outside.

import { Compiler } from '../src/compile/compiler.ts';
import { parseConfig } from '../src/config/schema.ts';
import { Engine } from '../src/engine/engine.ts';
import type { EgressQueue, Sink, Source } from '../src/engine/port.ts';
import type { FrameBatch } from '../src/frame/frame_batch.ts';
import { Counters, PORT } from '../src/table/counters.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import { TAG_LEN, TPID_8021Q } from '../src/wire/vlan.ts';

const PORTS = 8;
const ACCESS_PORTS = 4;
const VLAN = 10;
/** Without FCS, untagged: 64 bytes on a wire. */
const FRAME_LEN = 60;
/** Locally administered. */
const MAC_HI = 0x0200;

export class NullSink implements Sink {
  transmit(_batch: FrameBatch, queue: EgressQueue): void {
    queue.count = 0;
  }
}

export class Stations implements Source {
  readonly engine: Engine;
  readonly count: number;
  private readonly counters = Counters.allocate(PORTS + 1, 2);
  /** While learning, the next station to speak; `count` afterwards. */
  private next = 0;
  private random = 0x2545_f491;

  /** An engine that has learned `count` stations. */
  constructor(count: number) {
    this.count = count;
    const compiler = new Compiler();
    const { topology } = compiler.compile(config(count));
    // Fixed, so that two runs meet the same chains.
    const seed = Int32Array.of(0x1f83_d9ab, 0x5be0_cd19, 0x9e37_79b9, 0x85eb_ca6b);
    this.engine = new Engine({ counters: this.counters, topology, seed });
    const sink = new NullSink();
    for (let port = 1; port <= PORTS; port++) {
      if (compiler.ports.name(port) !== `p${port}`) throw new Error('Ports are not numbered from 1 on');
      this.engine.attach(port, sink);
    }
    this.engine.addSource(this);
    while (this.next < count) this.engine.poll(performance.now());
    const learned = this.sum(PORT.learned);
    if (learned !== count) throw new Error(`The engine learned ${learned} of ${count} stations`);
  }

  receive(batch: FrameBatch, limit: number): void {
    while (limit-- > 0) {
      if (this.next < this.count) {
        // To itself: learned, then dropped, because it is on the same port.
        this.write(batch, this.next, this.next);
        if (++this.next === this.count) return;
        continue;
      }
      const from = this.draw();
      let to = this.draw();
      while (to % PORTS === from % PORTS) to = this.draw();
      this.write(batch, from, to);
    }
  }

  /** Frames that the engine forwarded so far. */
  get forwarded(): number {
    return this.sum(PORT.forwarded);
  }

  /** Copies that it made of them. */
  get copies(): number {
    return this.sum(PORT.copies);
  }

  private sum(counter: number): number {
    let sum = 0;
    for (let port = 1; port <= PORTS; port++) sum += this.counters.values[this.counters.port(port) + counter];
    return sum;
  }

  private draw(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return Math.floor(((x >>> 0) / 2 ** 32) * this.count);
  }

  private write(batch: FrameBatch, from: number, to: number): void {
    const port = 1 + (from % PORTS);
    const tagged = port > ACCESS_PORTS;
    const { view } = batch;
    const at = batch.frameAt(batch.append(port, tagged ? FRAME_LEN + TAG_LEN : FRAME_LEN));
    ethernet.setDst(view, at, MAC_HI, macLo(to));
    ethernet.setSrc(view, at, MAC_HI, macLo(from));
    if (tagged) {
      view.setInt32(at + ethernet.MACS_LEN, (TPID_8021Q << 16) | VLAN);
      ethernet.setEtherType(view, at + TAG_LEN, ethernet.TYPE_IPV4);
    } else {
      ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
    }
  }
}

/** Different for every station, and without order. */
export function macLo(station: number): number {
  return Math.imul(station + 1, 0x9e37_79b1);
}

function config(stations: number) {
  const ports = Object.fromEntries(
    Array.from({ length: PORTS }, (_, n) => {
      const vlan = n < ACCESS_PORTS ? { access: VLAN } : { trunk: [VLAN, '20-29'] };
      return [`p${n + 1}`, { type: 'memory', vlan }];
    }),
  );
  const bench = { vlan_filtering: true, local: false, fdb_limit: stations, ports };
  return parseConfig({ version: 1, bridges: { bench } });
}
