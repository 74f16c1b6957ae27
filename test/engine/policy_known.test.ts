// The fast way through security groups against the thorough one: the same packets, rules and time, and the same comes out.

import { expect, test } from 'vitest';
import { Random } from '../support/engine/random.ts';
import { ACK, FIN, ICMP, packet, RST, SYN, TCP, UDP } from '../support/nat/packets.ts';
import { openPolicy } from '../support/policy/rig.ts';
import { seedOf } from '../support/seed.ts';

const SEED = seedOf(process.env.POLICY_SEED);
const STEPS = 800;
const ADDRESSES = { p1: '10.0.0.1', p2: '10.0.0.2', up: '198.51.100.7' } as const;
const STATIONS = { p1: 1, p2: 2, up: 3 } as const;
const PORTS = ['p1', 'p2', 'up'] as const;
const RULES = [
  [
    { protocol: 'tcp', ports: [80, 443] },
    { protocol: 'udp', ports: 53 },
  ],
  [{ protocol: 'tcp', ports: 80 }],
  [{ from: ADDRESSES.up }, { protocol: 'udp' }],
];

const TYPES = [...new Array(9).fill([0x08, 0x00]), [0x81, 0, 0, 5, 0x08, 0x00], [0x86, 0xdd]];

type Rig = Awaited<ReturnType<typeof openPolicy>>;

async function open(isThorough: boolean): Promise<Rig> {
  const ports = { p1: { groups: ['g'] }, p2: { groups: ['g'] }, up: {} };
  const fdb = PORTS.map((port) => ({ mac: `02:00:00:00:00:0${STATIONS[port]}`, port }));
  const rig = await openPolicy({ br0: { static: fdb, ports } }, { groups: { g: { in: RULES[0] } } as never });
  if (isThorough) Reflect.set(policyOf(rig), 'known', null);
  return rig;
}

function policyOf(rig: Rig): object {
  return ['plane', 'plane', 'engine', 'policy', 'policy'].reduce<object>(
    (of, name) => Reflect.get(of, name),
    rig.taploom,
  );
}

/** A frame and where it comes in; of one service, so that a poll has a flow only once. */
function randomFrame(random: Random, service: number): [string, Uint8Array] {
  const from = random.pick(PORTS);
  const to = random.pick(PORTS.filter((port) => port !== from));
  const ports = [1000, service];
  const isAnswer = random.chance(0.4);
  const [sport, dport] = isAnswer ? ports.reverse() : ports;
  const bytes = packet({
    protocol: random.pick([TCP, TCP, TCP, UDP, UDP, ICMP, 99]),
    src: ADDRESSES[from],
    dst: ADDRESSES[to],
    sport,
    dport,
    flags: random.pick([ACK, ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST]),
    id: random.between(0, 3),
    fragment: random.pick([0, 0, 0, 0, 0, 0, 0x2000, 3]),
    type: random.pick([8, 0, 3]),
    payload: new Uint8Array(random.pick([0, 8, 30])),
  });
  // A header that is longer, or shorter, or a length that is wrong.
  if (random.chance(0.1)) bytes[random.pick([0, 2, 3, 6, 9])] = random.between(0, 255);
  const whole = random.chance(0.95) ? bytes : bytes.subarray(0, random.between(0, bytes.length));
  const head = [2, 0, 0, 0, 0, STATIONS[to], 2, 0, 0, 0, 0, STATIONS[from]];
  // What ends in the middle of a header ends there: nothing of an earlier frame is read.
  return [from, Uint8Array.from([...head, ...random.pick(TYPES), ...whole])];
}

test('the fast way says of every packet what the thorough one says', { timeout: 60_000 }, async () => {
  const random = new Random(SEED);
  const fast = await open(false);
  const thorough = await open(true);
  let through = 0;
  for (let step = 0; step < STEPS; step++) {
    if (random.chance(0.01)) {
      const rules = random.pick(RULES);
      for (const rig of [fast, thorough])
        await rig.change((config) => {
          config.groups = { g: { in: rules, out: 'any', members: [] } } as never;
        });
    }
    if (random.chance(0.005)) {
      const port = random.pick(PORTS);
      for (const rig of [fast, thorough]) rig.taploom.policy.endConnections({ port });
    }
    if (random.chance(0.005)) for (const rig of [fast, thorough]) rig.wait(301);
    const services = random.some([80, 443, 53, 99], 0.6);
    const frames = services.map((service) => randomFrame(random, service));
    const [ours, theirs] = [fast, thorough].map((rig) =>
      rig.run(() => {
        for (const [port, bytes] of frames) rig.taploom.memoryPort(port).send(bytes);
      }),
    );
    expect({ seed: SEED, step, ours }).toEqual({ seed: SEED, step, ours: theirs });
    through += ours.filter((line) => !line.includes('drops')).length;
  }
  expect(Reflect.get(policyOf(thorough), 'known')).toBeNull();
  expect(through).toBeGreaterThan(STEPS / 4);
});
