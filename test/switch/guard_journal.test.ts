// What DHCP snooping has left on the disk, when the switch is back: for whom it holds, for how long, and what is not taken from there.

import { setTimeout as sleep } from 'node:timers/promises';
import { Switch, type SwitchConfigInput } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { configOf } from '../support/engine/rig.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';

/** A switch with its own thread and clock, as a daemon has it. */
async function open(journal: Record<string, unknown>, guard: object = { source: 'strict' }) {
  const entries = new Map(Object.entries(journal));
  const leases = {
    entries,
    put: (key: string, value: unknown) => void entries.set(key, value),
    delete: (key: string) => void entries.delete(key),
    flushed: async () => {},
  };
  const config = configOf({ br0: { ports: { p1: { guard }, up: { guard: { trusted: true } } } } });
  const taploom = await Switch.open(config as SwitchConfigInput, { leases });
  onTestFinished(() => taploom.close());
  const bound = () =>
    taploom
      .guards()
      .find(({ port }) => port === 'p1')
      ?.bindings.map(({ ip }) => ip);
  return { entries, bound, taploom };
}

test('a lease that ended meanwhile binds nobody, and another one until it ends, though nobody says anything', async () => {
  const now = Date.now();
  const { bound, entries, taploom } = await open({
    'guard:p1 10.7.0.2': { mac: A, until: now - 1000 },
    'guard:p1 10.7.0.3': { mac: A, until: now + 1200 },
    'guard:p1 10.7.0.4': { mac: B, until: now + 3_600_000 },
    'guard:p1 10.7.0.5': { mac: B },
  });
  expect(bound()).toEqual(['10.7.0.3', '10.7.0.4', '10.7.0.5']);
  const [, hour, ever] = taploom.guards()[0].bindings;
  expect(hour.expiresIn).toBeGreaterThan(3590);
  expect(hour.expiresIn).toBeLessThanOrEqual(3600);
  expect(ever.expiresIn).toBeUndefined();
  await sleep(Math.max(0, now + 1300 - Date.now()));
  await expect.poll(bound, { timeout: 2000 }).toEqual(['10.7.0.4', '10.7.0.5']);
  expect([...entries.keys()]).toEqual(['guard:p1 10.7.0.4', 'guard:p1 10.7.0.5']);
});

test('what is not whole is nobody’s binding', async () => {
  const { bound } = await open({
    'guard:p1 10.7.0.2': { until: Date.now() + 60_000 },
    'guard:p1 10.7.0.3': { mac: A, until: 'tomorrow' },
    'guard:p1 10.7.0.4': null,
    'guard:p1 10.7.0.5 0': { mac: A },
    'guard:p1 10.7.0.6 4095': { mac: A },
    'guard:p1 10.7.0.7 1 2': { mac: A },
    'guard:p1': { mac: A },
    'guard:p2 10.7.0.8': { mac: A },
    'guard:p1 10.7.0.9': { mac: A },
  });
  expect(bound()).toEqual(['10.7.0.9']);
});

test('who was first has to say it again', async () => {
  const { bound, entries, taploom } = await open({ 'guard:p1 10.7.0.2': { mac: B } }, { source: 'first' });
  const arp = Buffer.from(
    `ffffffffffff${'02000000000a'}0806000108000604000102000000000a0a070009${'000000000000'}0a070001`,
    'hex',
  );
  taploom.memoryPort('p1').send(arp);
  await expect.poll(bound, { timeout: 2000 }).toEqual(['10.7.0.2', '10.7.0.9']);
  expect([...entries.keys()]).toEqual(['guard:p1 10.7.0.2']);
});
