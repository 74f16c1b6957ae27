// A trace foretells what routers do: random ones, random packets, the real engine afterwards.
//
//   TRACE_SEED  to run one iteration of a failure again

import { Switch } from 'taploom';
import { expect, test } from 'vitest';
import type { Trace } from '../../src/api.ts';
import { DROPS } from '../../src/table/drops.ts';
import { FuzzRouters } from '../support/engine/fuzz_routers.ts';
import { packet } from '../support/engine/packets.ts';
import { Random } from '../support/engine/random.ts';
import { configOf } from '../support/engine/rig.ts';
import { seedOf } from '../support/seed.ts';
import { TraceRig } from './trace_rig.ts';

const SEED = process.env.TRACE_SEED === undefined ? undefined : Number(process.env.TRACE_SEED);
const SWITCHES = 6;
const FRAMES = 50;
const BRIDGES: Parameters<typeof configOf>[0] = {
  b0: { ports: { m0: {}, m1: { mtu: 600 } } },
  b1: { ports: { n0: {}, n1: {} } },
  b2: { ports: { o0: {} } },
};

/** Everybody behind a gateway is known, and the control plane is silent: nothing happens by itself. */
function introduce(taploom: Switch, routers: FuzzRouters): void {
  const part = (of: object, name: string) => Reflect.get(of, name);
  part(part(taploom, 'services'), 'router').close();
  const { neighbours } = part(taploom, 'plane');
  routers.start((name) => part(taploom, 'compiler').ports.find(name));
  routers.introduce(neighbours);
}

/** Where copies go. */
function foretold({ outcome }: Trace): string[] {
  return outcome.copies.flatMap(({ port, dropped }) => (dropped === undefined ? port : [])).sort();
}

async function compare(seed: number): Promise<void> {
  const random = new Random(seed);
  const routers = new FuzzRouters(random, BRIDGES, [], [1, 2, 3]);
  const config = { ...configOf(BRIDGES), routers: routers.config };
  const taploom = await Switch.open(config, { threaded: false });
  try {
    introduce(taploom as never, routers);
    const rig = new TraceRig(taploom as never);
    for (let n = 0; n < 5; n++) {
      rig.run(); // what was said before
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let n = 0; n < FRAMES; n++) {
      rig.now += random.pick([1, 100, 5000]);
      rig.run(); // the clock of the data plane is that of its last poll
      const [bridge, port] = random.pick([
        ['b0', 'm0'],
        ['b0', 'm1'],
        ['b1', 'n0'],
        ['b2', 'o0'],
      ] as const);
      const frame = random.chance(0.2) ? routers.question(random.macs()) : randomPacket(random, routers);
      const before = await rig.state();
      const trace = await taploom.trace({ bridge, port, frame });
      expect(await rig.state(), `seed ${seed}: the trace changed something`).toBe(before);
      const lines = rig.run(() => rig.taploom.memoryPort(port).send(frame));
      const ports = lines.filter((line) => !line.includes(' drops: ')).map((line) => line.split(': ')[0]);
      const told = { seed, n, trace: trace.steps.map(({ message }) => message) };
      expect({ ...told, ports: ports.sort() }).toEqual({ ...told, ports: foretold(trace) });
      const reason = new RegExp(`^${port} drops: (\\w+)$`);
      const [dropped] = lines
        .flatMap((line) => reason.exec(line)?.[1] ?? [])
        .filter((name) => DROPS.some((drop) => drop.name === name && drop.side === 'receive'));
      if (dropped !== undefined)
        expect({ ...told, reason: trace.outcome.reason }).toEqual({ ...told, reason: dropped });
    }
  } finally {
    await taploom.close();
  }
}

function randomPacket(random: Random, routers: FuzzRouters): Uint8Array {
  const isIpv4 = random.chance(0.6);
  const [src, dst] = isIpv4 ? ['10.0.0.1', '10.0.0.2'] : ['fd00::1', 'fd00::2'];
  const payload = new Array(random.pick([8, 40, 560, 1400])).fill(7);
  const protocol = random.pick([6, 17, 17, 50]);
  const bytes = packet({ from: 'a', to: 'a', src, dst, protocol, payload });
  routers.direct(bytes, 14);
  bytes.set(random.macs());
  if (random.chance(0.7)) bytes.set([2, 0, 0, 0, 0, random.between(1, 9)]);
  return bytes;
}

test('a trace foretells what routers do with a packet, and changes nothing', {
  timeout: 120_000,
}, async () => {
  if (SEED !== undefined) return compare(SEED);
  const first = seedOf(undefined);
  for (let n = 0; n < SWITCHES; n++) await compare(first + n);
});
