// Prints what lookups in large tables of routes cost, ns, and what it took to build them, as JSON. Contenders take turns,
// each with new addresses, so that none finds in the caches what it left there.

import { LpmBuilder } from '../src/compile/lpm_builder.ts';
import { find4, find6, type Lpm } from '../src/table/lpm.ts';
import { Dir24 } from './dir_24_8.ts';
import { generator, manyRoutes4, manyRoutes6, type Route4 } from './many_routes.ts';

const ROUTES_4 = 1_000_000;
const ROUTES_6 = 150_000;
const TENANTS = 1000;
/** Addresses of a turn. */
const TURN = 8192;
const WARM_UP = 20;
const CONTENDERS = ['trie4', 'dir24', 'trie6'] as const;

export interface LpmTimes {
  /** By contender, ns a lookup: a value for each turn. */
  trie4: number[];
  dir24: number[];
  trie6: number[];
  /** ms. */
  build: number;
  longestPart: number;
  tenants: number;
  bytes: number;
}

const turns = Number(process.argv[2]);
const random = generator(0x1234_5678);
const { builder, dir, addresses6 } = prepare();
const built = build(builder);
const wanted4 = new Int32Array(TURN);
const wanted6 = new DataView(new ArrayBuffer(16 * TURN));
const times: LpmTimes = {
  trie4: [],
  dir24: [],
  trie6: [],
  build: built.elapsed,
  longestPart: built.longest,
  tenants: buildTenants(),
  bytes: built.lpm.words.byteLength,
};
let sum = 0; // so that nothing is left out
for (let turn = -WARM_UP; turn < turns; turn++) {
  const taken = {
    trie4: time(drawAddresses4, findAll4),
    dir24: time(drawAddresses4, findAllDir),
    trie6: time(drawAddresses6, findAll6),
  };
  if (turn < 0) continue;
  for (const name of CONTENDERS) times[name].push(taken[name]);
}
if (sum === 0) throw new Error('nothing was found');
process.stdout.write(`${JSON.stringify(times)}\n`);

function time(draw: () => void, find: () => number): number {
  draw();
  const from = performance.now();
  sum += find();
  return ((performance.now() - from) * 1e6) / TURN;
}

function drawAddresses4(): void {
  for (let i = 0; i < TURN; i++) wanted4[i] = random();
}

/** Behind routes: nearly all of IPv6 is nobody's, which is found out at once. */
function drawAddresses6(): void {
  for (let i = 0; i < TURN; i++) {
    const k = 2 * (random() % ROUTES_6);
    wanted6.setInt32(16 * i, addresses6[k]);
    wanted6.setInt32(16 * i + 4, addresses6[k + 1] ^ (random() & 0xffff));
    wanted6.setUint32(16 * i + 8, random());
  }
}

function findAll4(): number {
  let found = 0;
  for (let i = 0; i < TURN; i++) found += find4(built.lpm, 0, wanted4[i]);
  return found;
}

function findAllDir(): number {
  let found = 0;
  for (let i = 0; i < TURN; i++) found += dir.find(wanted4[i]);
  return found;
}

function findAll6(): number {
  let found = 0;
  for (let i = 0; i < TURN; i++) found += find6(built.lpm, 0, wanted6, 16 * i);
  return found;
}

/** A million objects of the bench's own, which nobody needs any longer when the clock runs: to collect them takes 50 ms. */
function prepare(): { builder: LpmBuilder; dir: Dir24; addresses6: Int32Array } {
  const routes4 = manyRoutes4(ROUTES_4, random);
  const routes6 = manyRoutes6(ROUTES_6, random);
  const builder = new LpmBuilder();
  for (const { address, length, value } of routes4) builder.add4(0, address, length, value);
  for (const { address, length, value } of routes6)
    builder.add6(0, address[0], address[1], 0, 0, length, value);
  const addresses6 = Int32Array.from(routes6.flatMap(({ address }) => address));
  return { builder, dir: dir24(routes4), addresses6 };
}

function build(builder: LpmBuilder): { lpm: Lpm; elapsed: number; longest: number } {
  const parts = builder.build(1);
  const start = performance.now();
  let longest = 0;
  for (let from = start; ; ) {
    const { done, value } = parts.next();
    const now = performance.now();
    longest = Math.max(longest, now - from);
    if (done) return { lpm: value, elapsed: now - start, longest };
    from = now;
  }
}

/** ms for a small table for each of many tenants, who have the same addresses. */
function buildTenants(): number {
  const start = performance.now();
  const builder = new LpmBuilder();
  for (let table = 0; table < TENANTS; table++) {
    builder.add4(table, 0, 0, 1);
    builder.add4(table, 0x0a00_0000, 24, 2);
    builder.add4(table, 0x0a00_0001, 32, 3);
    builder.add6(table, 0xfd00_0000, 0, 0, 0, 64, 2);
    builder.add6(table, 0xfd00_0000, 0, 0, 1, 128, 3);
  }
  const parts = builder.build(TENANTS);
  while (!parts.next().done);
  return performance.now() - start;
}

function dir24(routes: readonly Route4[]): Dir24 {
  const table = new Dir24(routes.filter(({ length }) => length > 24).length);
  for (const { address, length, value } of [...routes].sort((a, b) => a.length - b.length))
    table.add(address, length, value);
  return table;
}
