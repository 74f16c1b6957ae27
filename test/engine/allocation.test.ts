// A million frames through the built engine must not cost a single garbage collection: what allocates per frame, per
// copy or per poll shows here.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../support/engine/steady_state.mjs', import.meta.url));

interface Result {
  frames: number;
  collections: number;
  growth: number;
  /** 0 to 1 */
  forwarded: number;
  /** Datagrams. */
  sent: number;
  /** ICMP errors. */
  answers: number;
  captured: number;
  mirrored: number;
  /** Into tunnels and out of them. */
  tunnelled: number;
  refused: number;
}

test.each([
  ['plain', 1_000_000, 'TAP to TAP, tags pushed and popped, learning and flooding'],
  ['controls', 1_000_000, 'the same with a locked port, storm control and floods by kind'],
  [
    'guarded',
    500_000,
    'the same of guests behind guards, with ARP and neighbour discovery, some of it forged',
  ],
  ['listed', 300_000, 'the same with access lists of two thousand rules at a port, a VLAN and the bridge'],
  ['tunnelled', 500_000, 'the same with control frames of customers in tunnels'],
  ['captured', 1_000_000, 'the same looked at by two captures, one with a filter'],
  ['mirrored', 1_000_000, 'the same copied by two mirrors, each with a filter'],
  ['hooked', 1_000_000, 'the same looked at by hooks, which change and generate frames, too'],
  ['shaped', 500_000, 'the same held by shapers, policed, with other priorities and DSCPs'],
  ['shared', 1_000_000, 'the same with the FDB of several workers'],
  ['routed', 1_000_000, 'half of it by way of a router, with errors, questions and strangers'],
  ['segments', 200_000, 'super-frames cut into VXLAN datagrams'],
  ['underlay', 200_000, 'super-frames into a TAP under a tunnel'],
  ['too_big', 200_000, 'super-frames too big for a tunnel, some answered'],
  ['trains', 200_000, 'super-frames joined from VXLAN datagrams'],
  ['memory', 1_000_000, 'short frames between memory ports'],
  ['aggregate', 1_000_000, 'frames from and to an aggregate of two TAPs'],
  ['faults', 300_000, 'frames lost, doubled, damaged and held back'],
])('%s, %i frames: %s', { timeout: 60_000 }, async (kind, frames) => {
  const args = ['--expose-gc', SCRIPT, kind, String(frames)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const result = JSON.parse(stdout) as Result;
  expect(result.frames).toBeGreaterThanOrEqual(frames);
  // Otherwise it measured drops.
  // Half of what comes from half of the stations, all behind one aggregate, would turn round there.
  // What is routed is counted twice, and forwarded once.
  expect(result.forwarded).toBeGreaterThan({ aggregate: 0.6, routed: 0.4, guarded: 0.7 }[kind] ?? 0.8);
  if (kind === 'segments' || kind === 'underlay') expect(result.sent).toBeGreaterThan(frames / 2);
  if (kind === 'too_big' || kind === 'routed') expect(result.answers).toBeGreaterThan(1000);
  if (kind === 'captured') expect(result.captured).toBeGreaterThan(3 * frames);
  if (kind === 'tunnelled') expect(result.tunnelled).toBeGreaterThan(frames / 10);
  if (kind === 'mirrored') expect(result.mirrored).toBeGreaterThan(frames);
  if (kind === 'guarded') expect(result.refused).toBeGreaterThan(frames / 40);
  expect(result.collections).toBe(0);
  // Less than two bytes a frame: what is left is the measurement's own.
  expect(result.growth).toBeLessThan(256 * 1024);
});

test('a TUN, 500000 packets to it and from it, with ARP in between', { timeout: 60_000 }, async () => {
  const script = fileURLToPath(new URL('../support/engine/tun_steady_state.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, '500000']);
  const { transmitted, collections, growth } = JSON.parse(stdout) as Record<string, number>;
  expect(transmitted).toBeGreaterThan(250_000);
  expect(collections).toBe(0);
  expect(growth).toBeLessThan(256 * 1024);
});
