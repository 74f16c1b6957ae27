// What a trace says of hooks.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';
import { configOf } from '../support/engine/rig.ts';
import { TraceRig } from './trace_rig.ts';

const MODULE = new URL('../support/hooks/count.mjs', import.meta.url).pathname;
const NAME = `bridges.br0.ports.p1.hooks[0] (${MODULE})`;

async function openTraced(): Promise<TraceRig> {
  const hooks = [{ module: MODULE, options: { refuse: 'x'.charCodeAt(0) } }];
  const taploom = await Switch.open(configOf({ br0: { ports: { p1: { hooks }, p2: {} } } }), {
    threaded: false,
  });
  onTestFinished(() => taploom.close());
  return new TraceRig(taploom as never);
}

test('a frame that is tried is not shown to a hook, and the trace says so', async () => {
  const rig = await openTraced();
  expect(await rig.told('p1', 'a > * "x"')).toContain(
    `hook: The hook ${NAME} of p1 would be asked, and may change or drop it: a trace does not ask, and goes on`,
  );
  expect(await rig.told('p2', 'a > *')).not.toContainEqual(expect.stringContaining('hook'));
  expect(rig.taploom.events.stored({ types: ['hook'] })).toEqual([]);
});

test('a real frame: the hook that refused it is named', async () => {
  const rig = await openTraced();
  const live = rig.taploom.traceLive({ bridge: 'br0', port: 'p1', frames: 2, timeout: 5 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  rig.taploom.memoryPort('p1').send(parse('a > * "x"'));
  rig.taploom.memoryPort('p1').send(parse('a > * "y"'));
  rig.taploom.poll(0, rig.now);
  const [refused, passed] = await live;
  expect(refused.steps.at(-1)).toMatchObject({ stage: 'hook', message: `${NAME} refused it: dropped, hook` });
  expect(refused.outcome).toMatchObject({ verdict: 'dropped', reason: 'hook' });
  expect(passed.steps).toContainEqual({
    stage: 'hook',
    verdict: 'passed',
    message: `It passed the hook ${NAME} of p1, as it is from here on`,
  });
  expect(passed.outcome).toMatchObject({ verdict: 'forwarded' });
});
