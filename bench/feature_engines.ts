// Engines of one workload each, which differ in one feature: frames of 60 bytes between 4,096 known stations behind 8
// ports, or to a group. The switch is a whole one, so that protocols open ports and choose members; then its devices are
// replaced by a sink that forgets.

import type { SwitchConfigInput } from '../src/config/schema.ts';
import type { Engine } from '../src/engine/engine.ts';
import type { Source } from '../src/engine/port.ts';
import type { FrameBatch } from '../src/frame/frame_batch.ts';
import { Switch } from '../src/index.ts';
import { monotonicMs } from '../src/sys/clock.ts';
import { type Counters, PORT } from '../src/table/counters.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import { macLo, NullSink } from './stations.ts';

type Bridge = NonNullable<SwitchConfigInput['bridges']>[string];

interface Feature {
  name: string;
  /** What it is compared with; undefined: that is this one. */
  plain?: string;
  bridge?: Bridge;
  /** Of every port. */
  port?: object;
  /** Ports are pairs of links. */
  aggregates?: boolean;
  /** Frames go to one group instead of each other's station. */
  group?: boolean;
}

const PORTS = 8;
const STATIONS = 4096;
const FRAME_LEN = 60;
const MAC_HI = 0x0200;
/** Until spanning tree has opened all ports, ms. */
const SETTLE_MS = 60_000;
const STEP_MS = 500;
const RECEIVERS = [2, 3];
/** 239.1.1.1 */
const GROUP = { hi: 0x0100, lo: 0x5e01_0101, ip: '239.1.1.1' };
const ALL_RATES = {
  broadcast: { frames: 1_000_000 },
  multicast: { frames: 1_000_000 },
  unknown_unicast: { frames: 1_000_000 },
};

const PLAIN = 'a plain bridge';
const FLOODED = 'a flood to 7 ports';

export const FEATURES: readonly Feature[] = [
  { name: PLAIN },
  { name: FLOODED, group: true },
  { name: 'spanning tree', plain: PLAIN, bridge: { stp: true } },
  { name: 'multicast snooping, unicast', plain: PLAIN, bridge: { multicast: { snooping: true } } },
  {
    name: 'multicast snooping, a group of two',
    plain: FLOODED,
    bridge: {
      multicast: { snooping: true, static: RECEIVERS.map((n) => ({ group: GROUP.ip, port: `p${n}` })) },
    },
    group: true,
  },
  { name: 'aggregates of two links', plain: PLAIN, aggregates: true },
  { name: 'storm control', plain: PLAIN, port: { storm_control: ALL_RATES } },
  { name: 'storm control, a flood', plain: FLOODED, port: { storm_control: ALL_RATES }, group: true },
  { name: 'sticky addresses', plain: PLAIN, port: { sticky: true } },
];

export class FeatureEngine {
  readonly engine: Engine;
  private readonly counters: Counters;
  private readonly ports: readonly number[];

  private constructor(engine: Engine, counters: Counters, ports: readonly number[]) {
    this.engine = engine;
    this.counters = counters;
    this.ports = ports;
  }

  static async open(feature: number): Promise<FeatureEngine> {
    const { bridge, port, aggregates = false, group = false } = FEATURES[feature];
    const link = { type: 'memory' as const };
    const ports = Object.fromEntries(
      Array.from({ length: PORTS }, (_, n) => {
        const members = { [`p${n}a`]: link, [`p${n}b`]: link };
        return [
          `p${n}`,
          aggregates
            ? { type: 'aggregate' as const, lacp: 'off' as const, members, ...port }
            : { ...link, ...port },
        ];
      }),
    );
    const bench = { local: false as const, fdb_limit: STATIONS, ...bridge, ports };
    const taploom = await Switch.open({ version: 1, bridges: { bench } }, { threaded: false });
    const from = monotonicMs();
    for (let ms = 0; ms < SETTLE_MS; ms += STEP_MS) {
      taploom.poll(0, from + ms);
      await new Promise((resolve) => setImmediate(resolve)); // states are carried out in turns of their own
    }
    // The switch keeps its engine to itself; a bench may look.
    const part = (of: object, name: string) => Reflect.get(of, name);
    const engine = part(part(part(taploom, 'plane'), 'plane'), 'engine') as Engine;
    const find = (name: string) => part(taploom, 'compiler').ports.find(name) as number;
    const names = Object.keys(ports);
    const links = aggregates ? names.flatMap((name) => [`${name}a`, `${name}b`]) : names;
    const sink = new NullSink();
    for (const name of links) engine.attach(find(name), sink);
    const one = new FeatureEngine(engine, part(part(taploom, 'counters'), 'first'), names.map(find));
    const received = names.map((name) => find(aggregates ? `${name}a` : name));
    const source = group ? toGroup(received[0]) : new Unicast(received);
    engine.addSource(source);
    while (source instanceof Unicast && source.isLearning) engine.poll(performance.now());
    return one;
  }

  /** That left through ports of the bridge. */
  get copies(): number {
    const { counters, ports } = this;
    return ports.reduce((sum, port) => sum + counters.values[counters.port(port) + PORT.copies], 0);
  }
}

/** Each frame from a random station to one behind another port. */
class Unicast implements Source {
  private readonly ports: readonly number[];
  private learned = 0;
  private random = 0x2545_f491;

  constructor(ports: readonly number[]) {
    this.ports = ports;
  }

  get isLearning(): boolean {
    return this.learned < STATIONS;
  }

  receive(batch: FrameBatch, limit: number): void {
    while (limit-- > 0) {
      const from = this.isLearning ? this.learned++ : this.draw(STATIONS);
      const to = (from + 1 + this.draw(PORTS - 1) + PORTS * this.draw(STATIONS / PORTS)) % STATIONS;
      write(batch, this.ports[from % PORTS], from, MAC_HI, macLo(to));
    }
  }

  private draw(limit: number): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return Math.floor(((x >>> 0) / 2 ** 32) * limit);
  }
}

function toGroup(port: number): Source {
  return {
    receive(batch, limit) {
      while (limit-- > 0) write(batch, port, 0, GROUP.hi, GROUP.lo);
    },
  };
}

function write(batch: FrameBatch, port: number, from: number, toHi: number, toLo: number): void {
  const { view } = batch;
  const at = batch.frameAt(batch.append(port, FRAME_LEN));
  ethernet.setDst(view, at, toHi, toLo);
  ethernet.setSrc(view, at, MAC_HI, macLo(from));
  ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
  // UDP to GROUP.ip, or to somebody: 20 bytes of IPv4, 18 of what is in it.
  const ip = at + ethernet.HEADER_LEN;
  view.setInt32(ip, 0x4500_0026);
  view.setInt32(ip + 4, 0);
  view.setInt32(ip + 8, 0x4011_0000);
  view.setInt32(ip + 12, 0x0a00_0000 | from);
  view.setInt32(ip + 16, toHi === GROUP.hi ? 0xef01_0101 | 0 : 0x0a00_ffff);
  view.setInt32(ip + 20, 0x1000_2000);
}
