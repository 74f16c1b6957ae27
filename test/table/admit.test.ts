// Who may send from a locked port: the table alone, and the one that workers share, which must not wait for its own lock.

import { expect, test } from 'vitest';
import { Counters } from '../../src/table/counters.ts';
import { ASKED, DENIED, Fdb, KNOWN, REFUSED } from '../../src/table/fdb.ts';
import { LOCAL, LOCKED, WORDS } from '../../src/table/fdb_entry.ts';
import { CONTROL } from '../../src/table/port_controls.ts';
import { SharedFdb } from '../../src/table/shared_fdb.ts';

const SLOTS = 1024;
const SEED = Int32Array.of(1, 2, 3, 4);
const RULES = {
  domainBridge: new Uint16Array(2),
  bridgeFdbLimit: Uint32Array.of(100),
  fdbLimit: Uint32Array.of(0, 2, 100),
  ageing: Float64Array.of(0, 300_000),
};

const tables = {
  alone: () => new Fdb(new Int32Array(SLOTS * WORDS), Counters.allocate(4, 1), RULES, SEED),
  shared: () => new SharedFdb(SharedFdb.allocate(SLOTS), Counters.allocate(4, 1), RULES, SEED),
};

/** The flags of an entry, -1 = there is none. */
function flagsOf(fdb: Fdb, lo: number): number {
  const entry = new Int32Array(WORDS);
  fdb.inspect(1, 2, lo, entry, 0);
  return entry[2] === 0 ? -1 : entry[3] & 0xff;
}

test.each(Object.entries(tables))('%s: an entry on the port admits, nothing else does', (_, make) => {
  const fdb = make();
  expect(fdb.admit(1, 2, 7, 1, 0, 0)).toBe(DENIED);
  fdb.addStatic(1, 2, 7, 1, 0);
  expect(fdb.admit(1, 2, 7, 1, 0, 0)).toBe(KNOWN);
  expect(fdb.admit(1, 2, 7, 2, 0, CONTROL.mab)).toBe(DENIED);
  fdb.addStatic(1, 2, 8, 1, LOCAL);
  expect(fdb.admit(1, 2, 8, 1, 0, 0)).toBe(DENIED);
});

test.each(Object.entries(tables))(
  '%s: a locked entry waits, within the limit, and is not learned anew',
  (_, make) => {
    const fdb = make();
    expect(fdb.admit(1, 2, 7, 1, 0, CONTROL.mab)).toBe(ASKED);
    expect(fdb.admit(1, 2, 7, 1, 5, CONTROL.mab)).toBe(DENIED);
    expect(flagsOf(fdb, 7)).toBe(LOCKED);
    expect(fdb.admit(1, 2, 8, 1, 0, CONTROL.mab)).toBe(ASKED);
    expect(fdb.admit(1, 2, 9, 1, 0, CONTROL.mab)).toBe(REFUSED);
    expect(flagsOf(fdb, 9)).toBe(-1);
    expect(fdb.learn(1, 2, 7, 2, 6)).not.toBe(REFUSED);
    expect(flagsOf(fdb, 7)).toBe(0);
  },
);

test.each(Object.entries(tables))(
  '%s: who has aged is a stranger, and learning keeps one from ageing',
  (_, make) => {
    const ticks = Math.ceil(300_000 / 128);
    const fdb = make();
    fdb.learn(1, 2, 7, 1, 0);
    fdb.learn(1, 2, 8, 1, 0);
    expect(fdb.admit(1, 2, 7, 1, ticks, CONTROL.learns)).toBe(KNOWN);
    expect(fdb.admit(1, 2, 8, 1, ticks, 0)).toBe(KNOWN);
    expect(fdb.admit(1, 2, 7, 1, ticks + 2, 0)).toBe(KNOWN);
    expect(fdb.admit(1, 2, 8, 1, ticks + 2, 0)).toBe(DENIED);
  },
);

test.each(Object.entries(tables))(
  '%s: who waited until its entry aged waits anew, and is not let in',
  (_, make) => {
    const ticks = Math.ceil(300_000 / 128);
    const fdb = make();
    expect(fdb.admit(1, 2, 7, 1, 0, CONTROL.mab)).toBe(ASKED);
    expect(fdb.admit(1, 2, 7, 1, ticks + 2, CONTROL.mab)).toBe(ASKED);
    expect(flagsOf(fdb, 7)).toBe(LOCKED);
    expect(fdb.admit(1, 2, 7, 1, ticks + 3, CONTROL.mab)).toBe(DENIED);
  },
);
