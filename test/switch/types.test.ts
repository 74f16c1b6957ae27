// What the compiler refuses, so that nobody has to run it: `npm run check` fails here if a type becomes too wide.

import { expect, test } from 'vitest';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import { Switch } from '../../src/switch/switch.ts';

test('a configuration is typed where it is given, and what no type says is still refused when it runs', async () => {
  const inline = { threaded: false };
  const memory: SwitchConfigInput = {
    version: 1,
    bridges: { b: { local: false, ports: { m: { type: 'memory' } } } },
  };
  await using taploom = await Switch.open(memory, inline);
  // What is in force can be given back, changed.
  expect(taploom.plan({ ...taploom.config, bridges: {} })).toHaveLength(2);

  // @ts-expect-error
  const noSuchType = Switch.open({ version: 1, bridges: { b: { ports: { m: { type: 'tpa' } } } } }, inline);
  await expect(noSuchType).rejects.toMatchObject({ code: 'invalid_config' });
  // @ts-expect-error
  await expect(taploom.apply({ version: 1, bridges: { b: { vlan_filterin: true } } })).rejects.toThrow();
  // @ts-expect-error
  expect(() => taploom.plan({ version: 2 })).toThrow();
});
