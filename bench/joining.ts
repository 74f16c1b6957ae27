// Many ports join many groups.

import { setTimeout } from 'node:timers/promises';
import type { Switch, SwitchConfigInput } from '../src/index.ts';
import { datagram, reports } from './groups.ts';

export const GROUPS = 4096;
export const RECEIVERS = 64;
/** Asks soon, and knows about so many groups. */
export const QUERIER = { querier: true, query_response_interval: 0.1, max_groups: GROUPS };
const BRIDGE = 'br0';
const SENDER = 'p0';
const ROUNDS = 100;
const TIMEOUT_MS = 30_000;
const LOOK_MS = 5;

const nameOf = (n: number) => `p${n}`;
const receivers = Array.from({ length: RECEIVERS }, (_, n) => nameOf(n + 1));

/** A sender and 64 receivers. */
export const MANY_RECEIVERS: SwitchConfigInput = {
  version: 1,
  bridges: {
    [BRIDGE]: {
      local: false,
      multicast: { ...QUERIER, unknown: 'drop' },
      ports: Object.fromEntries(
        [SENDER, ...receivers].map((name) => [name, { type: 'memory', capacity: 256 }]),
      ),
    },
  },
};

/** Has ports ask for the first `count` groups as hosts do, in case that a report is lost: who is short once more. */
export async function joinAll(
  taploom: Switch,
  ports: readonly string[],
  count: number,
  pause: () => Promise<unknown>,
): Promise<void> {
  const frames = reports(count);
  for (let round = 0; round < ROUNDS; round++) {
    const short = taploom
      .multicastPorts()
      .filter(({ port, groups }) => ports.includes(port) && groups < count);
    if (short.length === 0) return;
    for (const frame of frames) {
      for (const { port } of short) taploom.memoryPort(port).send(frame);
      await pause();
    }
  }
  throw new Error('Ports are still short of groups');
}

/** From the first report in a switch of `MANY_RECEIVERS` until a frame to the last group reaches all ports. */
export async function secondsToJoin(taploom: Switch): Promise<number> {
  await until('a querier', () => taploom.multicast(BRIDGE).vlans[0]?.isActive);
  const from = performance.now();
  await joinAll(taploom, receivers, GROUPS, () => setTimeout(1));
  const ports = receivers.map((name) => taploom.memoryPort(name));
  for (const port of ports) while (port.receive() !== undefined);
  // What was last to be told to the data plane.
  const frame = datagram(GROUPS - 1);
  const reached = new Set<number>();
  await until('a frame that reaches all', () => {
    taploom.memoryPort(SENDER).send(frame);
    for (const [n, port] of ports.entries()) if (port.receive() !== undefined) reached.add(n);
    return reached.size === ports.length;
  });
  return (performance.now() - from) / 1000;
}

async function until(what: string, look: () => boolean): Promise<void> {
  for (const end = performance.now() + TIMEOUT_MS; !look(); await setTimeout(LOOK_MS)) {
    if (performance.now() > end) throw new Error(`Still not: ${what}`);
  }
}
