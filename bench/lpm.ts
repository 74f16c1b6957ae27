import type { Bench, Result } from './bench.ts';
import type { LpmTimes } from './measure_lpm.ts';
import { measure } from './measuring.ts';
import { median, medianInterval, ratios } from './statistics.ts';

const TURNS = 300;
const QUICK_TURNS = 20;
const TIMEOUT_MS = 120_000;
/** Of step 8: what a lookup in a full table of the Internet may take. */
const LOOKUP_NS = 60;
const TENANTS_MS = 100;
const BUILD_MS = 5000;
/** The control plane does nothing for longer at once, or protocols time out behind it. */
const PART_MS = 50;

export const lpm: Bench = {
  name: 'lpm',
  question: 'What does it cost to find the route of an address among a million?',
  duration: ({ quick }) => (quick ? 10 : 15),
  async run({ quick }) {
    const turns = quick ? QUICK_TURNS : TURNS;
    const times = (await measure(TIMEOUT_MS, 'measure_lpm', [turns])) as LpmTimes;
    return { results: results(times) };
  },
};

function results({ trie4, dir24, trie6, build, longestPart, tenants, bytes }: LpmTimes): Result[] {
  const random = 'any of all addresses';
  return [
    lookup(`IPv4, 1,000,000 routes, ${random}`, trie4, { atMost: LOOKUP_NS }),
    lookup(`DIR-24-8, the same routes, ${random}`, dir24),
    {
      what: 'IPv4 beside DIR-24-8, which has 64 MiB for each table and does no IPv6',
      value: median(ratios(trie4, dir24)),
      unit: 'times',
      interval: medianInterval(ratios(trie4, dir24)),
    },
    lookup('IPv6, 150,000 routes, an address behind any of them', trie6, { atMost: LOOKUP_NS }),
    { what: 'memory of both', value: bytes / 2 ** 20, unit: 'MiB' },
    { what: 'build both', value: build, unit: 'ms', expected: { atMost: BUILD_MS } },
    {
      what: 'longest part of it without a breath',
      value: longestPart,
      unit: 'ms',
      expected: { atMost: PART_MS },
    },
    {
      what: '1,000 tenants with five routes each',
      value: tenants,
      unit: 'ms',
      expected: { atMost: TENANTS_MS },
    },
  ];
}

function lookup(what: string, times: readonly number[], expected?: Result['expected']): Result {
  return { what, value: median(times), unit: 'ns', interval: medianInterval(times), expected };
}
