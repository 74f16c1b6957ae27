import { expect, test } from 'vitest';
import { FeatureEngine } from '../../bench/feature_engines.ts';
import { GROUP_FEATURES } from '../../bench/group_list.ts';

const POLLS = 50;

test.each(GROUP_FEATURES)(
  '$name: every frame leaves, and is of a connection',
  async ({ name, ...feature }) => {
    const one = await FeatureEngine.open({ name, ...feature });
    const { engine } = one;
    const before = one.copies;
    for (let n = 0; n < POLLS; n++) {
      engine.clock[0] = performance.now();
      engine.receive(0);
      do engine.forward();
      while (engine.isBusy);
    }
    const sent = POLLS * engine.batch.slots;
    expect(one.copies - before).toBe(sent);
    const flows = feature.flowTraffic?.flows;
    const isAsked = feature.port !== undefined;
    // The first packets of stations themselves went nowhere.
    expect(one.connections?.used ?? 0).toBe(isAsked ? flows || sent : 0);
  },
);
