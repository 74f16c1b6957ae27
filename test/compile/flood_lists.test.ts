// Flood lists against a model that knows no groups and classes, and the time that compiling keeps others waiting.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { FloodLists } from '../../src/compile/flood_lists.ts';
import { atOnce, withBreaths } from '../../src/compile/steps.ts';
import { parseConfig, vlanSet } from '../../src/config/schema.ts';
import { Random } from '../support/engine/random.ts';
import { configOf } from '../support/engine/rig.ts';

const VIDS = 4096;

function vlanOf(random: Random, most: number): Parameters<typeof vlanSet>[0] {
  const vid = () => random.between(1, most);
  const kind = random.between(0, 3);
  if (kind === 0) return undefined;
  if (kind === 1) return { access: vid() };
  const trunk = Array.from({ length: random.between(1, 4) }, () => {
    const [from, to] = [vid(), vid()].sort((a, b) => a - b);
    return from === to ? from : `${from}-${to}`;
  });
  return kind === 2 ? { trunk } : { trunk, native: vid() };
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'lists are those of every port of every VLAN, in order, seed %i',
  (seed) => {
    const random = new Random(seed);
    const most = random.pick([3, 12, 200, 4094]);
    const floods = new FloodLists(2 * VIDS);
    const wanted: [domain: number, all: number[], unknown: number[]][] = [];
    for (const first of [1, VIDS]) {
      const members = Array.from({ length: random.between(0, 40) }, (_, n) => ({
        vlans: vlanSet(vlanOf(random, most)),
        hops: Array.from({ length: random.between(0, 3) }, (_, m) => first + 8 * n + m),
        flood: random.chance(0.8),
      }));
      const numbers = new Uint16Array(VIDS);
      for (let vid = 1; vid <= most; vid++) {
        const inVlan = members.filter(({ vlans }) => vlans.all.includes(vid));
        if (inVlan.length === 0) continue;
        numbers[vid] = first + vid - 1;
        const hops = (some: typeof members) => some.flatMap((member) => member.hops);
        wanted.push([numbers[vid], hops(inVlan), hops(inVlan.filter(({ flood }) => flood))]);
      }
      atOnce(floods.add(numbers, members));
    }
    const { listAt, hops } = floods.pack();
    const list = (n: number) => [...hops.subarray(listAt[2 * n], listAt[2 * n + 1])];
    for (const [domain, all, unknown] of wanted) {
      expect(list(2 * domain)).toEqual(all);
      expect(list(2 * domain + 1)).toEqual(unknown);
    }
  },
);

const trunks = (set: (n: number) => string[]) =>
  parseConfig(
    configOf({
      br0: {
        vlan_filtering: true,
        ports: Object.fromEntries(
          Array.from({ length: 1000 }, (_, n) => [`t${n}`, { vlan: { trunk: set(n) } }]),
        ),
      },
    }),
  );

test('a thousand trunks of the same 4,094 VLANs share two lists of a thousand hops', () => {
  const { topology } = new Compiler().compile(trunks(() => ['1-4094']));
  expect(topology.hops.length).toBe(1000);
});

test('a thousand trunks of different VLANs keep nobody waiting for long', { timeout: 60_000 }, async () => {
  const compiler = new Compiler();
  const config = trunks((n) => [`1-${n + 1}`, `${n + 3}-4094`]);
  compiler.compile(config); // warm-up
  const from = performance.now();
  compiler.compile(config);
  const atOnceMs = performance.now() - from;
  let longest = 0;
  let last = performance.now();
  const tick = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    timer = setImmediate(tick);
  };
  let timer = setImmediate(tick);
  await withBreaths(compiler.steps(config));
  clearImmediate(timer);
  console.log(`at once ${atOnceMs.toFixed(0)} ms, longest stretch ${longest.toFixed(0)} ms`);
  // A busy machine makes both longer.
  expect(longest).toBeLessThan(Math.max(50, atOnceMs / 2));
});
