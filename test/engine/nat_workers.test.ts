// NAT of two workers that share connections, while these end and lines of the table are used anew: no packet is translated by the
// line of another's connection. Whole addresses, one to one: what a packet becomes is in its own address.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Nat } from '../../src/engine/nat.ts';
import { ROUTED, ROUTED_WORDS, Routed } from '../../src/engine/routed.ts';
import { COLUMN, FrameBatch } from '../../src/frame/frame_batch.ts';
import { Connections } from '../../src/table/connections.ts';
import type { NatTable } from '../../src/table/nat_table.ts';
import type { RouterTable } from '../../src/table/router_table.ts';
import { crowd } from '../support/shared/crowd.ts';

const MS = Number(process.env.NAT_FUZZ_MS ?? 1500);
const SERVER = 0xc633_6407 | 0;
const GUESTS = 0x0a00_0100;
const OUTSIDE = 0xc000_0200 | 0;

function world() {
  const compiler = new Compiler();
  const { topology } = compiler.compile(
    parseConfig({
      version: 1,
      bridges: { lan: { local: false, ports: {} }, wan: { local: false, ports: {} } },
      routers: {
        r1: {
          interfaces: {
            lan: { bridge: 'lan', address: ['10.0.1.254/24'] },
            up: { bridge: 'wan', address: ['203.0.113.1/24'] },
          },
          nat: [{ one_to_one: '10.0.1.0/24', to: '192.0.2.0/24' }],
        },
      },
    }),
  );
  const router = topology.routers as RouterTable;
  const [lan, up] = ['r1.lan', 'r1.up'].map((name) => compiler.ports.find(name) as number);
  return { router, nat: router.nat as NatTable, lan, up };
}

/** A worker that sends one packet of TCP from a guest, step by step. */
function worker({ router, nat, lan, up }: ReturnType<typeof world>) {
  const batch = new FrameBatch(4, 4096);
  const connections = new Connections(nat.memory, nat);
  const one = new Nat(batch, connections, Float64Array.of(1000), 1);
  const list = new Routed(batch.rows.length);
  let row = 0;
  let ip = 0;
  return {
    connections,
    one,
    before(guest: number) {
      const { view } = batch;
      batch.clear();
      row = batch.append(lan, 60);
      ip = batch.frameAt(row) + 14;
      view.setUint16(ip - 2, 0x0800);
      view.setInt32(ip, 0x4500_002e);
      view.setInt32(ip + 4, 0);
      view.setInt32(ip + 8, 0x4006_0000);
      view.setInt32(ip + 12, GUESTS | guest);
      view.setInt32(ip + 16, SERVER);
      view.setInt32(ip + 20, (5000 << 16) | 80);
      view.setInt32(ip + 32, 0x5002_0400);
      batch.rows[row + COLUMN.rest] = ip - 2;
      list.count = 1;
      list.words.fill(0, 0, ROUTED_WORDS);
      for (const [word, value] of [
        [ROUTED.row, row],
        [ROUTED.from, lan],
        [ROUTED.l3, ip],
        [ROUTED.length, 46],
        [ROUTED.dst, SERVER],
      ])
        list.words[word] = value;
      one.before(router, list);
    },
    /** Its source afterwards. */
    after() {
      list.words[ROUTED.egress] = up;
      one.after(router, list);
      if (one.isTranslated(row)) one.rewrite(row, row);
      return batch.view.getInt32(ip + 12);
    },
  };
}

test('a line that is used anew between the look-up and the rewriting is not the packet’s', () => {
  const all = world();
  const [a, b] = [worker(all), worker(all)];
  a.before(7);
  expect(a.after()).toBe(OUTSIDE | 7);
  a.before(7);
  b.connections.endWhere(() => true);
  b.before(8);
  expect(b.after()).toBe(OUTSIDE | 8);
  expect(b.connections.used).toBe(1);
  expect(a.after()).toBe(OUTSIDE | 7);
});

test('nor is one that is used anew while it is read', () => {
  const all = world();
  const [a, b] = [worker(all), worker(all)];
  a.before(7);
  a.after();
  const search = Reflect.get(a.one, 'search');
  const { find } = search;
  search.find = (...args: unknown[]) => {
    find(...args);
    b.connections.endWhere(() => true);
    b.before(8);
    b.after();
  };
  a.before(7);
  expect(a.after()).toBe(OUTSIDE | 7);
  expect(a.connections.used).toBe(2);
});

interface Result {
  sent: number;
  answers: number;
  foreign: number;
  bare: number;
  ends: number;
}

test('two threads translate every packet by its own connection', { timeout: 60_000 }, async () => {
  const { router, lan, up, nat } = world();
  const seconds = new Int32Array(new SharedArrayBuffer(4));
  const data = { router, lan, up, seconds, ms: MS, server: SERVER, guests: GUESTS, outside: OUTSIDE };
  const results = (await crowd(2, data, WORKER)) as Result[];
  const sum = (of: keyof Result) => results.reduce((total, one) => total + one[of], 0);
  console.log(`nat: ${JSON.stringify(results)}`);
  expect(sum('foreign')).toBe(0);
  expect(sum('bare')).toBe(0);
  expect(sum('answers')).toBeGreaterThan(1000);
  expect(sum('ends')).toBeGreaterThan(100);
  const connections = new Connections(nat.memory, nat);
  connections.endWhere(() => true);
  expect(connections.used).toBe(0);
});

const WORKER = `
  const { NatKeeper } = await load('engine/nat_keeper');
  const { Routed, ROUTED, ROUTED_WORDS, NOWHERE } = await load('engine/routed');
  const { FrameBatch, COLUMN, ROW } = await load('frame/frame_batch');
  const { router, lan, up, seconds, ms, server, guests, outside } = data;
  const N = 32, batch = new FrameBatch(N, 4096), { view, rows } = batch;
  const clock = new Float64Array(1);
  const keeper = new NatKeeper(batch, clock, index + 5, index > 0);
  keeper.load(router.nat);
  const list = new Routed(rows.length), { words } = list;
  const guest = new Int32Array(N), isAnswer = new Uint8Array(N);
  const result = { sent: 0, answers: 0, foreign: 0, bare: 0, ends: 0 };
  let x = 1234567 + index;
  const random = (below) => { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; return (x >>> 0) % below; };

  function packet(n) {
    const who = 1 + random(200), back = random(3) === 0 ? 1 : 0;
    guest[n] = who;
    isAnswer[n] = back;
    const row = batch.append(back ? up : lan, 60);
    const ip = batch.frameAt(row) + 14;
    view.setUint16(ip - 2, 0x0800);
    view.setInt32(ip, 0x4500002e);
    view.setInt32(ip + 4, 0);
    view.setInt32(ip + 8, 0x40110000);
    view.setInt32(ip + 12, back ? server : guests | who);
    view.setInt32(ip + 16, back ? outside | who : server);
    view.setUint16(ip + 20, back ? 80 : 5000);
    view.setUint16(ip + 22, back ? 5000 : 80);
    view.setInt32(ip + 24, 26 << 16);
    rows[row + COLUMN.rest] = ip - 2;
    const k = n * ROUTED_WORDS;
    words.fill(0, k, k + ROUTED_WORDS);
    words[k | ROUTED.row] = row;
    words[k | ROUTED.from] = back ? up : lan;
    words[k | ROUTED.l3] = ip;
    words[k | ROUTED.length] = 46;
    words[k | ROUTED.dst] = view.getInt32(ip + 16);
  }

  start();
  const end = performance.now() + ms;
  while (performance.now() < end) {
    // All that is there has been silent for too long.
    if (index === 0 && random(4) === 0) { Atomics.add(seconds, 0, 1000); result.ends++; }
    clock[0] = 1000 * (10 + Atomics.load(seconds, 0));
    batch.clear();
    list.count = N;
    for (let n = 0; n < N; n++) packet(n);
    keeper.hook.before(router, list);
    for (let n = 0; n < N; n++) {
      const k = n * ROUTED_WORDS;
      if (words[k | ROUTED.egress] !== NOWHERE) words[k | ROUTED.egress] = isAnswer[n] ? lan : up;
    }
    for (let n = random(2000); n > 0; n--) random(2);
    keeper.hook.after(router, list);
    for (let n = 0; n < N; n++) {
      const row = n * ROW, k = n * ROUTED_WORDS, ip = words[k | ROUTED.l3];
      if (words[k | ROUTED.egress] === NOWHERE) continue;
      result.sent++;
      if (!keeper.hook.isTranslated(row)) { result.bare++; continue; }
      keeper.hook.rewrite(row, row);
      const mine = isAnswer[n] ? guests | guest[n] : outside | guest[n];
      if (view.getInt32(ip + (isAnswer[n] ? 16 : 12)) !== mine) result.foreign++;
      else if (isAnswer[n]) result.answers++;
    }
    keeper.sweep(clock);
  }
  return result;`;
