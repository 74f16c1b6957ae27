// Routers beside the kernel's: the same packets into both, and the same must come of them. docs/oracle.md.
//
//   ORACLE_FRAMES  how many (default: what takes 5 s, in CI 60 s)       ORACLE_SEED  of the first scene

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { RouteOracle } from '../support/oracle/routes/route_oracle.ts';
import { HALF_DEAD, ROUTE_ROWS } from '../support/oracle/routes/route_rows.ts';
import { seedOf } from '../support/seed.ts';

needs('ip', 'nft', 'sysctl', 'python3');

const PACKETS = Number(process.env.ORACLE_FRAMES ?? Number.POSITIVE_INFINITY);
const SEED = seedOf(process.env.ORACLE_SEED);
const SECONDS = process.env.ORACLE_FRAMES !== undefined ? 7200 : process.env.CI ? 60 : 5;

test('a kernel that routes does the same', { timeout: (SECONDS + 120) * 1000 }, async () => {
  const oracle = await RouteOracle.open(await openLab());
  try {
    const found = await oracle.consult({ seed: SEED, packets: PACKETS, ms: SECONDS * 1000 });
    const { packets, seen, scenes, seed, failure } = found;
    console.log(`${packets} packets in ${scenes} scenes, of which came ${seen}; seeds ${SEED} to ${seed}`);
    expect(failure ?? '').toBe('');
    expect(seen).toBeGreaterThan(0);
  } finally {
    oracle.close();
  }
});

test('rows of docs/differences.md are differences from the kernel', { timeout: 60_000 }, async () => {
  const oracle = await RouteOracle.open(await openLab());
  try {
    const equal: string[] = [];
    for (const { number, what, scene, frames } of ROUTE_ROWS)
      if (!(await oracle.differs(scene, frames))) equal.push(`${number}: ${what}`);
    expect(equal).toEqual([]);
  } finally {
    oracle.close();
  }
});

test('a next hop that does not answer keeps its flows, as in a kernel', { timeout: 60_000 }, async () => {
  const oracle = await RouteOracle.open(await openLab());
  try {
    expect((await oracle.spreads(SEED, HALF_DEAD)) ?? '').toBe('');
  } finally {
    oracle.close();
  }
});
