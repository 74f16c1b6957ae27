import { describe, expect, test } from 'vitest';
import { floodEngine, type GrowingEngine, vlanEngine } from '../../bench/growing_engines.ts';

/** Copies that one batch becomes. */
function copiesOfOnePoll(growing: GrowingEngine): number {
  const { engine } = growing;
  const before = growing.copies;
  engine.clock[0] = performance.now();
  engine.receive(0);
  do engine.forward();
  while (engine.isBusy);
  return growing.copies - before;
}

describe('the workload of growing engines', () => {
  test.each([1, 64, 4094])('with %d VLANs forwards every frame exactly once', (vlans) => {
    const growing = vlanEngine(vlans);
    // Nothing of what taught the stations is left.
    copiesOfOnePoll(growing);
    expect(copiesOfOnePoll(growing)).toBe(growing.engine.batch.slots);
  });

  test.each([2, 256])('with %d members makes a copy for each', (members) => {
    const growing = floodEngine(members);
    expect(copiesOfOnePoll(growing)).toBe(members * growing.engine.batch.slots);
  });
});
