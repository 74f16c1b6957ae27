import { expect, test } from 'vitest';
import { FeatureEngine } from '../../bench/feature_engines.ts';
import { FEATURES, type Feature } from '../../bench/feature_list.ts';

const POLLS = 50;

/** Copies of a frame, over polls that take their time. */
async function copiesOf(feature: Feature): Promise<number> {
  const one = await FeatureEngine.open(feature);
  const { engine } = one;
  const before = one.copies;
  for (let n = 0; n < POLLS; n++) {
    engine.clock[0] = performance.now();
    engine.receive(0);
    do engine.forward();
    while (engine.isBusy);
  }
  return (one.copies - before) / (POLLS * engine.batch.slots);
}

test.each(FEATURES)('$name: every frame leaves as often as it should', async (feature) => {
  expect(await copiesOf(feature)).toBe(feature.copies ?? 1);
});

test('each feature is compared with one that is there for others, and by a name of its own', () => {
  const names = FEATURES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const plain = FEATURES.filter((one) => one.plain === undefined).map(({ name }) => name);
  expect([...new Set(FEATURES.flatMap((one) => one.plain ?? []))].sort()).toEqual(plain.sort());
});
