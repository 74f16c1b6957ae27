// Engines of one feature each. The switch is a whole one, so that protocols open ports, choose members and publish groups;
// then its devices are replaced by a sink that forgets.

import type { Engine } from '../src/engine/engine.ts';
import { Switch } from '../src/index.ts';
import { monotonicMs } from '../src/sys/clock.ts';
import type { Connections } from '../src/table/connections.ts';
import { type Counters, PORT } from '../src/table/counters.ts';
import type { Neighbours } from '../src/table/neighbours.ts';
import { Frames, MAC_HI, routedIp, STATIONS } from './feature_frames.ts';
import { HOOKS } from './feature_hooks.ts';
import { type Feature, PORTS } from './feature_list.ts';
import { Flows } from './flows.ts';
import { joinAll } from './joining.ts';
import { macLo, NullSink } from './stations.ts';

/** Until spanning tree has opened all ports, ms. */
const SETTLE_MS = 60_000;
const STEP_MS = 500;
/** Reports are rationed. */
const JOIN_STEP_MS = 100;
const LINK = { type: 'memory' as const };

export class FeatureEngine {
  readonly engine: Engine;
  private readonly counters: Counters;
  private readonly ports: readonly number[];

  private constructor(engine: Engine, counters: Counters, ports: readonly number[]) {
    this.engine = engine;
    this.counters = counters;
    this.ports = ports;
  }

  static async open(feature: Feature): Promise<FeatureEngine> {
    const { aggregates = false, analyser = false, traffic, flowTraffic } = feature;
    const names = Array.from({ length: feature.ports ?? PORTS }, (_, n) => `p${n}`);
    const taploom = await settled(feature, names);
    // The switch keeps its engine to itself; a bench may look.
    const part = (of: object, name: string) => Reflect.get(of, name);
    const engine = part(part(part(taploom, 'plane'), 'plane'), 'engine') as Engine;
    const find = (name: string) => part(taploom, 'compiler').ports.find(name) as number;
    const links = aggregates ? names.flatMap((name) => [`${name}a`, `${name}b`]) : names;
    const sink = new NullSink();
    for (const name of analyser ? [...links, 'analyser'] : links) engine.attach(find(name), sink);
    const one = new FeatureEngine(engine, part(part(taploom, 'counters'), 'first'), names.map(find));
    const receivers = names.map((name) => find(aggregates ? `${name}a` : name));
    const frames = flowTraffic ? new Flows(receivers, flowTraffic) : new Frames(receivers, traffic);
    engine.addSource(frames);
    if (traffic?.to === 'routed') introduce(part(part(taploom, 'plane'), 'neighbours'), names.length, find);
    while (frames.isLearning) engine.poll(performance.now());
    return one;
  }

  /** Forgets connections of security groups, if there are more. */
  endConnections(most: number): void {
    const { connections } = this;
    if (connections !== null && connections.used > most) connections.endWhere(() => true);
  }

  /** Of security groups. */
  get connections(): Connections | null {
    return Reflect.get(Reflect.get(this.engine, 'policy'), 'connections');
  }

  /** That left through ports of the bridge; what its analyser gets is no copy more. */
  get copies(): number {
    const { counters, ports } = this;
    return ports.reduce((sum, port) => sum + counters.values[counters.port(port) + PORT.copies], 0);
  }
}

/** Who is behind the gateways, which nobody need ask for. */
function introduce(neighbours: Neighbours, ports: number, find: (name: string) => number): void {
  for (let station = 0; station < STATIONS; station++) {
    const half = station % ports < ports / 2 ? 0 : 1;
    neighbours.set4(
      find(half === 0 ? 'r1.one' : 'r1.other'),
      routedIp(half, station),
      MAC_HI,
      macLo(station),
    );
  }
}

/** A switch whose protocols have come to rest. */
async function settled(feature: Feature, names: readonly string[]): Promise<Switch> {
  const taploom = await Switch.open(config(feature, names), { threaded: false, hooks: HOOKS });
  let now = monotonicMs();
  const turn = (ms: number) => {
    now += ms;
    taploom.poll(0, now);
    return new Promise((resolve) => setImmediate(resolve)); // states are carried out in turns of their own
  };
  for (let ms = 0; ms < SETTLE_MS; ms += STEP_MS) await turn(STEP_MS);
  if (feature.joins) {
    await joinAll(taploom, names.slice(1), feature.traffic?.groups ?? 1, () => turn(JOIN_STEP_MS));
    for (let ms = 0; ms < SETTLE_MS; ms += STEP_MS) await turn(STEP_MS);
  }
  return taploom;
}

function config(feature: Feature, names: readonly string[]) {
  const { bridge, port, aggregates, analyser, routers, groups, acls, connections } = feature;
  const ports = names.map((name, place) => {
    const members = { [`${name}a`]: LINK, [`${name}b`]: LINK };
    const device = aggregates ? { type: 'aggregate' as const, lacp: 'off' as const, members } : LINK;
    return [name, { ...device, ...port?.(place) }];
  });
  if (analyser) ports.push(['analyser', LINK]);
  const bench = {
    local: false as const,
    fdb_limit: STATIONS,
    ...bridge,
    ports: Object.fromEntries(ports),
  };
  return {
    version: 1 as const,
    bridges: { bench },
    ...(routers && { routers }),
    ...(groups && { groups }),
    ...(acls && { acls }),
    ...(connections && { connections }),
  };
}
