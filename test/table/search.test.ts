// The search for many addresses against `lookup` for one. Tables are small, so that chains are long and wrap around.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Counters } from '../../src/table/counters.ts';
import { Fdb, KNOWN, LEARNED, REFUSED } from '../../src/table/fdb.ts';
import type { FdbRules } from '../../src/table/fdb_entry.ts';
import { createSearch, KEY, KEY_WORDS } from '../../src/table/search.ts';

const RULES: FdbRules = {
  domainBridge: Uint16Array.of(0, 1, 1),
  ageing: Float64Array.of(0, 1280, 1280),
  bridgeFdbLimit: Uint32Array.of(0, 1000),
  fdbLimit: Uint32Array.of(0, 1000, 1000),
};
const TICKS_TO_LIVE = 10;

interface Address {
  domain: number;
  hi: number;
  lo: number;
}

function makeFdb(slots: number, seed = Int32Array.of(1, 2, 3, 5)): Fdb {
  return new Fdb(new Int32Array(slots * 4), Counters.allocate(4, 2), RULES, seed);
}

/** Entries of the addresses, as `find` leaves them. */
function find(fdb: Fdb, addresses: Address[]): number[] {
  const search = createSearch(addresses.length);
  for (const [n, { domain, hi, lo }] of addresses.entries()) {
    search.keys[n * KEY_WORDS + KEY.hi] = (domain << 16) | hi;
    search.keys[n * KEY_WORDS + KEY.lo] = lo;
  }
  search.find(fdb, 0, addresses.length);
  return addresses.map((_, n) => search.keys[n * KEY_WORDS + KEY.entry]);
}

const address = fc.record({
  domain: fc.integer({ min: 1, max: 2 }),
  hi: fc.integer({ min: 0, max: 3 }),
  lo: fc.integer({ min: -3, max: 3 }),
});

test('every address is found where lookup finds it, new, expired, flushed and unknown ones alike', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.record({ address, tick: fc.integer({ min: 0, max: 20 }) }), { maxLength: 30 }),
      fc.array(address, { minLength: 1, maxLength: 130 }),
      (seed, learned, sought) => {
        const fdb = makeFdb(16, Int32Array.of(seed, ~seed, seed * 3, seed * 5));
        for (const [n, { address, tick }] of learned.entries()) {
          const { domain, hi, lo } = address;
          fdb.learn(domain, hi, lo, 1 + (n & 1), tick);
          if (n % 7 === 6) fdb.flush((_, __, entryHi, entryLo) => entryHi === hi && entryLo === lo);
        }
        for (const [n, entry] of find(fdb, sought).entries()) {
          const { domain, hi, lo } = sought[n];
          expect(fdb.hopAt(entry, domain, 20)).toBe(fdb.lookup(domain, hi, lo, 20));
          const hop = fdb.lookup(domain, hi, lo, TICKS_TO_LIVE);
          if (hop === 0) continue;
          expect(fdb.refresh(entry, 3 - hop, 20)).toBe(false);
          expect(fdb.refresh(entry, hop, 20)).toBe(true);
          expect(fdb.lookup(domain, hi, lo, 20)).toBe(hop);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a chain that is too long for lookup is too long for the search', () => {
  const fdb = makeFdb(256, new Int32Array(4));
  // The same multiplier for both words and no offsets: these all have one home.
  const collide = (n: number): Address => ({ domain: 1, hi: n, lo: -n });
  const addresses = Array.from({ length: 130 }, (_, n) => collide(n));
  const results = addresses.map(({ domain, hi, lo }) => fdb.learn(domain, hi, lo, 1, 0));
  expect(results).toEqual([...new Array(128).fill(LEARNED), REFUSED, REFUSED]);
  const entries = find(fdb, addresses);
  expect(new Set(entries.slice(0, 128)).size).toBe(128);
  expect(entries.slice(128)).toEqual([-1, -1]);
});

test('a large table, whose slots are looked at first, gives the same answers', () => {
  const fdb = makeFdb(1 << 18);
  const addresses = Array.from({ length: 100 }, (_, n) => ({ domain: 1, hi: 0, lo: n }));
  for (const { domain, hi, lo } of addresses.slice(0, 50)) fdb.learn(domain, hi, lo, 1, 0);
  const entries = find(fdb, addresses);
  for (const [n, entry] of entries.entries()) expect(fdb.hopAt(entry, 1, 0)).toBe(n < 50 ? 1 : 0);
  expect(fdb.learn(1, 0, 0, 1, 0)).toBe(KNOWN);
});
