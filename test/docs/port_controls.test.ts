// The example of docs/port-controls.md does what the page says.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { openRig } from '../support/engine/rig.ts';

const page = readFileSync(new URL('../../docs/port-controls.md', import.meta.url), 'utf8');

async function open() {
  const [, yaml] = /```yaml\n(.*?)```/s.exec(page) as RegExpExecArray;
  const { br0 } = parse(yaml).bridges;
  for (const port of Object.values<Record<string, unknown>>(br0.ports)) port.type = 'memory';
  const rig = await openRig({ br0 });
  rig.run(() => {}, 2); // the first probes
  return rig;
}

test('desk lets in its own station only, and takes down who else would like to', async () => {
  const rig = await open();
  expect(rig.say('desk', 'a > x')).toEqual(
    ['guest', 'printer', 'uplink1', 'uplink2'].map((port) => `${port}: a > x`).sort(byPlace),
  );
  expect(rig.say('desk', 'b > x')).toEqual(['desk drops: locked']);
  expect(await rig.fdb()).toContain('br0 vlan 0 02:00:00:00:00:62 desk');
});

test('printer hears neither broadcasts nor multicasts, and keeps its stations', async () => {
  const rig = await open();
  expect(rig.say('guest', 'g > *')).toEqual(['desk: g > *', 'uplink1: g > *', 'uplink2: g > *']);
  rig.say('printer', 'p > x');
  rig.say('uplink1', 'p > x');
  expect(rig.say('guest', 'g > p')).toEqual(['printer: g > p']);
});

test('guest has two addresses, and is switched off for a third', async () => {
  const rig = await open();
  for (const station of 'ghi') rig.say('guest', `${station} > x`);
  await new Promise((resolve) => setImmediate(resolve));
  const guest = rig.taploom.ports().find(({ name }) => name === 'guest');
  expect(page).toContain(`guest is disabled: ${guest?.reason}`);
  // `taploom port enable guest`
  expect(await rig.taploom.enablePort('guest')).toBe(true);
  expect(rig.say('guest', 'g > x')).toContain('uplink1: g > x');
});

function byPlace(a: string, b: string): number {
  const order = ['desk', 'printer', 'guest', 'uplink1', 'uplink2'];
  return order.findIndex((port) => a.startsWith(port)) - order.findIndex((port) => b.startsWith(port));
}
