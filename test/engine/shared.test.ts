// Engines that share an FDB, here in one thread: what a leader and its followers do at a swap, and what becomes of a
// batch during which another worker changed the table.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Engine } from '../../src/engine/engine.ts';
import { MAX_PORTS } from '../../src/frame/hop.ts';
import { Counters } from '../../src/table/counters.ts';
import type { Fdb } from '../../src/table/fdb.ts';
import { SharedFdb } from '../../src/table/shared_fdb.ts';
import { configOf, ports } from '../support/engine/rig.ts';
import { lawViolations, openBench, StubSink, StubSource } from '../support/engine/stubs.ts';

const SEED = Int32Array.of(1, 22, 333, 4444);

/** Two engines on one table; port p1 is read by the leader, p2 by the follower. */
function openTeam(bridge: Record<string, unknown>) {
  const compiler = new Compiler();
  const compile = (next: typeof bridge) => compiler.compile(parseConfig(configOf({ br0: next }))).topology;
  const topology = compile(bridge);
  const table = SharedFdb.allocate(topology.fdbSlots);
  const first = Counters.allocate(MAX_PORTS, 64);
  const port = (name: string) => compiler.ports.find(name) as number;
  const workers = [0, 1].map((index) => {
    const own = index === 0 ? first : Counters.allocate(MAX_PORTS, 64);
    const counters = new Counters(own.memory, own.maxBridges, first.memory);
    const engine = new Engine({ counters, topology, seed: SEED, table, isFollower: index > 0 });
    const [source, sink] = [new StubSource(), new StubSink(counters)];
    engine.addSource(source);
    for (const name of ['p1', 'p2', 'p3']) engine.attach(port(name), sink);
    const say = (name: string, line: string, now = 1000) => {
      sink.sent.clear();
      source.add(port(name), line);
      engine.poll(now);
      expect(lawViolations(counters)).toEqual([]);
      return [...sink.sent].map(
        ([to, lines]) => `p${['p1', 'p2', 'p3'].findIndex((one) => port(one) === to) + 1}: ${lines}`,
      );
    };
    return { engine, say };
  });
  return { leader: workers[0], follower: workers[1], compile };
}

test('what one learns, and static entries of which only the leader takes care, are known to both', () => {
  const fixed = { mac: '02:00:00:00:00:73', port: 'p3' };
  const { leader, follower } = openTeam({ ports: ports(3), static: [fixed] });
  expect(leader.say('p1', 'a > b')).toEqual(['p2: a > b', 'p3: a > b']);
  expect(follower.say('p2', 'b > a')).toEqual(['p1: b > a']);
  expect(leader.say('p1', 'a > b')).toEqual(['p2: a > b']);
  expect(follower.say('p2', 'b > s')).toEqual(['p3: b > s']);
});

test('a table of another size takes the entries along, and a port that went is forgotten by both', () => {
  const { leader, follower, compile } = openTeam({ ports: ports(3), fdb_limit: 100 });
  leader.say('p1', 'a > *');
  follower.say('p2', 'b > *');
  follower.say('p3', 'c > *');
  const next = compile({ ports: ports(2), fdb_limit: 10_000 });
  const table = SharedFdb.allocate(next.fdbSlots);
  for (const { engine } of [leader, follower]) engine.swap(next, null, table);
  expect(follower.say('p2', 'b > a')).toEqual(['p1: b > a']);
  expect(leader.say('p1', 'a > b')).toEqual(['p2: a > b']);
  expect(leader.say('p1', 'a > c')).toEqual(['p2: a > c']);
});

test('only the leader sweeps', () => {
  const { leader, follower } = openTeam({ ports: ports(3), ageing_time: 10 });
  follower.say('p2', 'b > *');
  const used = () => (Reflect.get(leader.engine, 'keeper') as { fdb: { used: Int32Array } }).fdb.used[0];
  follower.engine.poll(60_000);
  expect(used()).toBe(1);
  for (let now = 60_000; now < 64_000; now += 100) leader.engine.poll(now);
  expect(used()).toBe(0);
});

test('a batch during which another worker moved entries is decided again, while nobody can', () => {
  const bench = openBench({ br0: { ports: ports(3), group_fwd_mask: 0 } });
  const { engine, source, sink, port, counters } = bench;
  source.add(port('p1'), 'a > *');
  source.add(port('p2'), 'b > *');
  engine.poll(1000);
  sink.sent.clear();
  const { fdb } = Reflect.get(engine, 'keeper') as { fdb: Fdb };
  const calls: string[] = [];
  // The entry that was found is another address's by now.
  fdb.hopAt = () => port('p3');
  fdb.isUnchanged = (version) => {
    calls.push(`unchanged since ${version}?`);
    return false;
  };
  fdb.take = () => calls.push('take');
  fdb.release = () => calls.push('release');
  for (const line of ['a > b', 'a > 01:80:c2:00:00:03', 'a > a', 'a > x']) source.add(port('p1'), line);
  engine.poll(1001);
  expect(calls).toEqual(['unchanged since 0?', 'take', 'release']);
  expect(sink.sent.get(port('p2'))).toEqual(['a > b', 'a > x']);
  expect(sink.sent.get(port('p3'))).toEqual(['a > x']);
  expect(lawViolations(counters)).toEqual([]);
});
