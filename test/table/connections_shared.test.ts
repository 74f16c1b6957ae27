// Connections that several threads open, use and end at the same time: few keys, so that all of them meet. A line says who it is of,
// and one that is torn from another shows.

import { expect, test } from 'vitest';
import { STATES } from '../../src/table/connection_state.ts';
import { Connections } from '../../src/table/connections.ts';
import { firstOf } from '../../src/table/line_table.ts';
import { crowd } from '../support/shared/crowd.ts';

const THREADS = 3;
const KEYS = 200;

test('what is found is whole, no key is there twice, and all counts are right in the end', async () => {
  const memory = Connections.allocate(150, Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const rules = { limit: Uint32Array.of(0, 150), timeouts: new Int32Array(2 * STATES).fill(1) };
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const results = (await crowd(
    THREADS,
    { memory, rules, clock, KEYS, ms: 700 },
    `const { Connections, CONNECTION } = await load('table/connections');
     const { Flow, kindOf, OF } = await load('table/flow');
     const { createLineSearch, KEY_WORDS } = await load('table/line_search');
     const { memory, rules, clock, KEYS, ms } = data;
     const connections = new Connections(memory, rules);
     const { flows } = connections, { lines } = flows;
     const search = createLineSearch(32);
     const flow = new Flow(), kind = kindOf(1, 17, OF.flow4);
     let x = 99 + index, torn = 0, found = 0, opened = 0;
     const random = (below) => { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; return (x >>> 0) % below; };
     start();
     const end = performance.now() + ms;
     while (performance.now() < end) {
       for (let turn = 0; turn < 30; turn++) {
         const second = Atomics.load(clock, 0);
         for (let n = 0; n < 32; n++) {
           const key = random(KEYS);
           search.keys.set([kind, key, key * 3, 7], n * KEY_WORDS);
         }
         search.find(flows, 0, 32);
         for (let n = 0; n < 32; n++) {
           const key = search.keys[n * KEY_WORDS + 1];
           const line = search.found[n];
           if (line !== 0) {
             const newSrc = lines[line + CONNECTION.newSrc];
             // Another key means that it ended meanwhile; with this key it is this connection's.
             if (flows.difference(line, kind, key, key * 3, 7) === 0 && newSrc !== key * 5) torn++;
             found++;
             connections.track(line, 0, 10, second);
             continue;
           }
           connections.take();
           try {
             if (flows.find(kind, key, key * 3, 7) !== 0) continue;
             flow.begin(kind, key, key * 3, 7);
             flow.newSrc = key * 5;
             flow.guest = key % 11;
             flow.mapping = connections.mappings.find(1, 17, key % 20, 1, 1);
             if (flow.mapping === 0) flow.mapping = connections.mappings.add(1, 17, 1, key % 20, 1, 9, key % 20);
             if (connections.open(flow, 1, second) > 0) opened++;
             else if (flow.mapping !== 0) connections.mappings.forgetUnused(flow.mapping);
           } finally {
             connections.release();
           }
         }
         if (index === 0) {
           connections.sweep(second, 1000, 1e6);
           if (random(20) === 0) Atomics.add(clock, 0, 1);
         }
       }
     }
     return { torn, found, opened };`,
  )) as { torn: number; found: number; opened: number }[];
  const sum = (of: 'torn' | 'found' | 'opened') => results.reduce((all, one) => all + one[of], 0);
  expect(sum('torn')).toBe(0);
  expect(sum('found')).toBeGreaterThan(1000);
  expect(sum('opened')).toBeGreaterThan(10);
  const connections = new Connections(memory, rules);
  const { flows } = connections;
  const keys = new Set<number>();
  let count = 0;
  for (let pair = 1; pair < flows.high; pair++) {
    if (flows.timers[pair] === 0) continue;
    count++;
    keys.add(flows.lines[firstOf(pair) + 1]);
  }
  expect(keys.size).toBe(count);
  expect(connections.used).toBe(count);
  connections.sweep(Atomics.load(clock, 0) + 10, 1000, 1e6);
  expect(connections.used).toBe(0);
  expect(connections.portsOfZone[1]).toBe(0);
  const { table } = connections.mappings;
  for (let pair = 1; pair < table.high; pair++) expect(table.lines[firstOf(pair)]).toBe(0);
}, 30_000);
