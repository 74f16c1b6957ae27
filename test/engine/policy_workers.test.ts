// Security groups of two workers that share connections: few flows, so that both meet in all of them, while rules change to and fro,
// connections end, and lines of the table are used anew. What each says of a packet must be what its rules say.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Connections } from '../../src/table/connections.ts';
import { firstOf, KIND, otherOf, PORTS, SRC } from '../../src/table/line_table.ts';
import type { PolicyTable } from '../../src/table/policy_table.ts';
import { seedOf } from '../support/seed.ts';
import { crowd } from '../support/shared/crowd.ts';

const SEED = seedOf(process.env.POLICY_SEED);
const MS = Number(process.env.POLICY_FUZZ_MS ?? 2500);
/** Destination ports that rules let in, before and after a change. */
const OPEN = [
  [80, 443],
  [80, 8080],
];

interface Result {
  asked: number;
  /** Let in, and should not have been. */
  leaked: number;
  /** Not let in, though its rules would. */
  lost: number;
  /** Answers that were let in. */
  answers: number;
  changes: number;
}

test.each(['loose', 'strict'])(
  'two workers say of every packet what their rules say, and leave a table that is whole: windows %s',
  {
    timeout: 60_000,
  },
  async (window) => {
    const compiler = new Compiler();
    const tables = OPEN.map(
      (ports) => compiler.compile(configOf(ports, window)).topology.policy as PolicyTable,
    );
    expect(tables[0].memory).toBe(tables[1].memory);
    const [a, b] = ['a', 'b'].map((name) => compiler.ports.find(name));
    const control = new Int32Array(new SharedArrayBuffer(8));
    const data = { tables, open: OPEN, a, b, control, ms: MS, seed: SEED };
    const results = (await crowd(2, data, WORKER)) as Result[];
    const sum = (of: keyof Result) => results.reduce((all, one) => all + one[of], 0);
    console.log(`policy: windows ${window}, seed ${SEED}, ${JSON.stringify(results)}`);
    expect(sum('leaked')).toBe(0);
    // A connection may be swept between the stage and the gate of a packet, which is then lost: TCP sends it again.
    expect(sum('lost')).toBeLessThan(1 + sum('asked') / 10_000);
    expect(sum('answers')).toBeGreaterThan(1000);
    expect(sum('changes')).toBeGreaterThan(5);
    expectWhole(new Connections(tables[0].memory, tables[0]));
  },
);

function expectWhole(connections: Connections): void {
  const { flows } = connections;
  const { lines } = flows;
  const keys = new Set<string>();
  let count = 0;
  for (let pair = 1; pair < flows.high; pair++) {
    if (flows.timers[pair] === 0) continue;
    count++;
    const first = firstOf(pair);
    keys.add([KIND, PORTS, SRC].map((word) => lines[first + word]).join());
    const ports = lines[first + PORTS];
    expect(lines[otherOf(first) + PORTS]).toBe((ports << 16) | (ports >>> 16));
  }
  expect(keys.size).toBe(count);
  expect(connections.used).toBe(count);
  connections.sweep(1e9, flows.high, 1e9);
  expect(connections.used).toBe(0);
}

function configOf(ports: number[], tcp_window: string) {
  return parseConfig({
    version: 1,
    groups: { g: { in: [{ protocol: 'tcp', ports, from: 'any' }] } },
    connections: { limit: 1024, tcp_window },
    bridges: {
      br0: { local: false, ports: { a: { type: 'tap', groups: ['g'] }, b: { type: 'tap', groups: ['g'] } } },
    },
  });
}

/** control: | table in force | seconds |. The first worker changes both. */
const WORKER = `
  const { PolicyKeeper } = await load('engine/policy_keeper');
  const { EgressQueue, COPY_WORDS } = await load('engine/port');
  const { FrameBatch, COLUMN, ROW } = await load('frame/frame_batch');
  const { Counters } = await load('table/counters');
  const { tables, open, a, b, control, ms, seed } = data;
  const batch = new FrameBatch(32, 4096), { view, rows } = batch;
  const counters = Counters.allocate(64, 8);
  const clock = new Float64Array(1);
  const keeper = new PolicyKeeper(batch, counters, clock, seed + index, index > 0);
  const queue = new EgressQueue({ transmit() {} }, 512);
  const zone = tables[0].domains.indexOf(1);
  const topology = { aggregates: null, routers: null };
  const services = [80, 443, 8080, 22];
  const result = { asked: 0, leaked: 0, lost: 0, answers: 0, changes: 0 };
  let x = (seed ^ (index * 77)) | 1, loaded = -1;
  const random = (below) => { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; return (x >>> 0) % below; };
  const service = new Int32Array(32), isAnswer = new Uint8Array(32);

  function packet(n) {
    const host = random(40), port = services[random(4)], back = random(2);
    service[n] = port;
    isAnswer[n] = back;
    const row = batch.append(back === 1 ? b : a, 60);
    const ip = batch.frameAt(row) + 14;
    view.setUint16(ip - 2, 0x0800);
    view.setInt32(ip, 0x4500002e);
    view.setInt32(ip + 4, 0);
    view.setInt32(ip + 8, 0x40060000);
    view.setInt32(ip + 12, 0x0a000000 | (back === 1 ? 999 : host));
    view.setInt32(ip + 16, 0x0a000000 | (back === 1 ? host : 999));
    view.setUint16(ip + 20, back === 1 ? port : 5000 + host);
    view.setUint16(ip + 22, back === 1 ? 5000 + host : port);
    const flags = random(20) > 0 ? 16 : random(2) ? 4 : 17;
    view.setInt32(ip + 32, 0x50000400 | ((back === 0 && flags !== 16 ? 2 : flags) << 16));
    rows[row + COLUMN.rest] = ip - 2;
    rows[row + COLUMN.domain] = zone << 16;
  }

  function check(isThrough, n) {
    result.asked++;
    const isOpen = open[loaded].includes(service[n]);
    if (isThrough && !isOpen) result.leaked++;
    // An answer to what has ended begins nothing.
    if (!isThrough && isOpen && isAnswer[n] === 0) result.lost++;
    if (isThrough && isAnswer[n] === 1) result.answers++;
  }

  start();
  const end = performance.now() + ms;
  let change = performance.now() + 20;
  while (performance.now() < end) {
    if (index === 0 && performance.now() > change) {
      change += 20;
      // Half of the time all that is there has been silent for too long.
      if (random(2) === 0) Atomics.xor(control, 0, 1);
      else Atomics.add(control, 1, 300 * random(60));
    }
    const wanted = Atomics.load(control, 0);
    if (wanted !== loaded) {
      keeper.load(tables[wanted]);
      loaded = wanted;
      result.changes++;
    }
    clock[0] = 1000 * (10 + Atomics.load(control, 1));
    batch.clear();
    for (let n = 0; n < 32; n++) packet(n);
    keeper.policy.pass();
    queue.count = 0;
    for (let n = 0; n < 32; n++) if (rows[n * ROW + COLUMN.dest] === 0) queue.push(n * ROW, isAnswer[n] === 1 ? a : b, 0, 0);
    keeper.policy.copies(topology, queue, 0);
    const through = new Set(Array.from({ length: queue.count }, (_, n) => queue.copies[n * COPY_WORDS] / ROW));
    for (let n = 0; n < 32; n++) check(through.has(n), n);
    keeper.sweep(clock);
  }
  return result;`;
