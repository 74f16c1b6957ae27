// How long a compilation keeps others waiting, in units of what this machine does in the same time.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import { VLAN_STRIDE } from '../../src/engine/topology.ts';
import { breathing, type Parts } from '../../src/parts.ts';

const VLANS = 4094;
const TRIES = 3;

function trunks(count: number, trunk: (n: number) => string[]): SwitchConfig {
  const port = (n: number) => ({ type: 'memory', vlan: { trunk: trunk(n) } });
  const ports = Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, port(n)]));
  return parseConfig({ version: 1, bridges: { br0: { local: false, vlan_filtering: true, ports } } });
}

async function least(measure: () => Promise<number> | number): Promise<number> {
  const values: number[] = [];
  for (let n = 0; n < TRIES; n++) values.push(await measure());
  return Math.min(...values);
}

function msOf(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** The words of so many trunks, written and read again. */
function walk(count: number): void {
  const words = new Int32Array(count * VLAN_STRIDE);
  for (let n = 0; n < words.length; n++) words[n] = n;
  expect(words.reduce((sum, word) => (sum + word) | 0, 0)).not.toBe(0.5);
}

test('a thousand trunks, each without another VLAN, take little longer than their words', async () => {
  const config = trunks(1000, (n) => [`1-${n + 1}`, `${n + 3}-${VLANS}`]);
  const compiler = new Compiler();
  const unit = await least(() => msOf(() => walk(1000)));
  expect(await least(() => msOf(() => compiler.compile(config)))).toBeLessThan(12 * unit);
});

test('a compilation that takes longer lets others have their turn', async () => {
  const config = trunks(4000, () => [`1-${VLANS}`]);
  const share = await least(async () => {
    const compiler = new Compiler();
    const turns: number[] = [performance.now()];
    const tick = () => {
      turns.push(performance.now());
      timer = setImmediate(tick);
    };
    let timer = setImmediate(tick);
    await compiler.compileBreathing(config, {});
    clearImmediate(timer);
    turns.push(performance.now());
    const longest = Math.max(...turns.slice(1).map((time, n) => time - turns[n]));
    return longest / ((turns.at(-1) as number) - turns[0]);
  });
  expect(share).toBeLessThan(0.6);
});

test('a breath is taken as often as it is due, and the result is told', async () => {
  function* slow(): Parts<string> {
    for (let n = 0; n < 6; n++) {
      const start = performance.now();
      while (performance.now() - start < 10);
      yield;
    }
    return 'done';
  }
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  expect(await breathing(slow())).toBe('done');
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});
