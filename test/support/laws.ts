// The two conservation laws of the counters, for the daemon's ports after a test's traffic:
//   frames:  received + injected + generated + recirculated = forwarded + consumed + sum of receive drops
//   copies:  copies   = transmitted + held + sum of transmit drops

import { expect } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import type { Taploomd } from './taploomd.ts';

const sum = (counts: Record<string, number>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** What is left over of each law, by port: all zero when they hold. */
function remainders(ports: readonly PortStatus[]): Record<string, { frames: number; copies: number }> {
  const rows = ports.map(({ name, counters }) => [
    name,
    {
      frames:
        counters.receivedFrames +
        counters.injected +
        counters.generated +
        counters.recirculated -
        counters.forwarded -
        counters.consumed -
        sum(counters.receiveDropped),
      copies: counters.copies - counters.held - counters.transmittedFrames - sum(counters.transmitDropped),
    },
  ]);
  return Object.fromEntries(rows);
}

/** They hold between two polls, and a reader may look in the middle of one: so tries again for a while. */
export async function expectLaws(daemon: Taploomd): Promise<void> {
  const none = (left: ReturnType<typeof remainders>) =>
    Object.values(left).every(({ frames, copies }) => frames === 0 && copies === 0);
  let left = remainders(await daemon.ports());
  for (let tries = 0; tries < 50 && !none(left); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = remainders(await daemon.ports());
  }
  expect(left).toEqual(Object.fromEntries(Object.keys(left).map((name) => [name, { frames: 0, copies: 0 }])));
}
