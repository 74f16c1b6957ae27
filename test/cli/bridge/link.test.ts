// `bridge link set ... state`: the one state that is ours to give.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { BridgeFixture } from './fixture.ts';

let bridge: BridgeFixture;
beforeEach(async () => {
  bridge = new BridgeFixture({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } } } });
  await bridge.start();
});
afterEach(() => bridge.stop());

test.each(['forwarding', '3'])('state %s enables a port that is disabled for an error', async (state) => {
  bridge.api.disabled.add('vm1');
  bridge.api.states.set('vm1', 'disabled');
  expect(await bridge.run('link', 'set', 'dev', 'vm1', 'state', state)).toEqual({
    out: '',
    error: '',
    code: 0,
  });
  expect([...bridge.api.disabled]).toEqual([]);
});

test('a port that is down for another reason stays so', async () => {
  bridge.api.states.set('vm1', 'down');
  expect(await bridge.run('link', 'set', 'dev', 'vm1', 'state', 'forwarding')).toEqual({
    out: '',
    error: 'RTNETLINK answers: Network is down\n',
    code: 255,
  });
});
