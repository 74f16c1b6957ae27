// Hooks in the threads of the built package: modules are imported there, and frames are forwarded meanwhile.

import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Switch, type SwitchConfigInput, type SwitchEvent, type SwitchOptions } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { parse, show } from '../support/engine/frame_text.ts';
import { configOf } from '../support/engine/rig.ts';

const DIRECTORY = new URL('../support/hooks', import.meta.url).pathname;
const module = (name: string) => join(DIRECTORY, name);

type Ports = Record<string, Record<string, unknown>>;
const configWith = (ports: Ports): SwitchConfigInput => configOf({ br0: { ports } });

async function open(ports: Ports, options: SwitchOptions = {}): Promise<Switch> {
  const taploom = await Switch.open(configWith(ports), options);
  onTestFinished(() => taploom.close());
  return taploom;
}

/** The next frame of a port, as text. */
async function next(taploom: Switch, port: string, patience = 5000): Promise<string | undefined> {
  const memory = taploom.memoryPort(port);
  await memory.received(patience);
  const frame = memory.receive();
  return frame && show(frame.bytes);
}

async function hookEvents(taploom: Switch, count: number): Promise<SwitchEvent[]> {
  const stored = () => taploom.events.stored({ types: ['hook'] });
  for (let tries = 0; tries < 100 && stored().length < count; tries++) await sleep(20);
  return stored();
}

test.each([1, 2])('a module filters, reports and is turned off, in %i workers', async (workers) => {
  const hooks = [{ module: module('count.mjs'), options: { refuse: 120, throwOn: 33 } }];
  const taploom = await open({ p1: { hooks }, p2: { hooks }, p3: {} }, { workers });
  const p1 = taploom.memoryPort('p1');
  p1.send(parse('a > * "x"'));
  p1.send(parse('a > * "y"'));
  expect(await next(taploom, 'p3')).toBe('a > * "y"');
  const told = await hookEvents(taploom, 2);
  expect(told).toMatchObject([
    { change: 'reported', text: expect.stringMatching(/^worker \d: 1 by p1$/) },
    { change: 'reported', text: expect.stringMatching(/^worker \d: 2 by p1$/) },
  ]);
  p1.send(parse('a > * "!"'));
  expect(await next(taploom, 'p3')).toBe('a > * "!"');
  expect((await hookEvents(taploom, 3)).at(-1)).toMatchObject({
    change: 'off',
    port: 'p1',
    reason: 'byte 33',
  });
  p1.send(parse('a > * "x"'));
  expect(await next(taploom, 'p3')).toBe('a > * "x"');
  taploom.memoryPort('p2').send(parse('b > * "x"'));
  taploom.memoryPort('p2').send(parse('b > * "z"'));
  expect(await next(taploom, 'p3')).toBe('b > * "z"');
});

test('frames are forwarded while a module loads', async () => {
  const taploom = await open({ p1: {}, p2: {} });
  let isApplied = false;
  const applied = taploom
    .apply(configWith({ p1: { hooks: [{ module: module('slow.mjs') }] }, p2: {} }))
    .finally(() => {
      isApplied = true;
    });
  await sleep(150);
  for (let n = 0; n < 3; n++) {
    taploom.memoryPort('p1').send(parse('a > *'));
    expect(await next(taploom, 'p2')).toBe('a > *');
  }
  expect(isApplied).toBe(false);
  await applied;
  expect(taploom.ports()[0].hooks).toMatchObject([{ state: 'on' }]);
});

test('one of several workers generates, when its time has come, though nothing else wakes it', async () => {
  const hooks = [{ module: module('beat.mjs'), options: { every: 50 } }];
  const taploom = await open({ p1: { hooks }, p2: {} }, { workers: 2 });
  for (let n = 0; n < 3; n++) expect(await next(taploom, 'p2', 2000)).toBe('g > *');
  for (const event of await hookEvents(taploom, 2)) expect(event).toMatchObject({ text: 'worker 0' });
});

test.each([
  ['wrong.mjs', /has no function as its default export/],
  ['broken.mjs', /Unexpected|Invalid/],
])('%s is refused with its path, and the switch stays as it was', async (name, message) => {
  const directory = mkdtempSync(join(tmpdir(), 'taploom-hooks-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  cpSync(module('wrong.mjs'), join(directory, 'wrong.mjs'));
  writeFileSync(join(directory, 'broken.mjs'), 'export default (');
  const taploom = await open({ p1: {}, p2: {} });
  const error = await taploom
    .apply(configWith({ p1: { hooks: [{ module: join(directory, name) }] }, p2: {} }))
    .catch((error) => error);
  expect(error.problems).toMatchObject([
    { path: 'bridges.br0.ports.p1.hooks[0]', message: expect.stringMatching(message) },
  ]);
  expect(taploom.config.bridges.br0.ports.p1.hooks).toBeUndefined();
  taploom.memoryPort('p1').send(parse('a > *'));
  expect(await next(taploom, 'p2')).toBe('a > *');
});

test('a module that has changed is loaded anew when it is put in again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'taploom-hooks-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'one.mjs');
  const write = (isPassing: boolean) =>
    writeFileSync(path, `export default () => ({ filter: () => ${isPassing} });`);
  write(false);
  const withHook = configWith({ p1: { hooks: [{ module: 'one.mjs' }] }, p2: {} });
  const taploom = await Switch.open(withHook, { hooksDirectory: directory });
  onTestFinished(() => taploom.close());
  await sleep(20); // the time of the file's change is another one
  write(true);
  await taploom.apply(configWith({ p1: {}, p2: {} }));
  await taploom.apply(withHook);
  taploom.memoryPort('p1').send(parse('a > *'));
  expect(await next(taploom, 'p2')).toBe('a > *');
});

test('only modules of the directory are taken, however they are named', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'taploom-hooks-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  symlinkSync(module('count.mjs'), join(directory, 'link.mjs'));
  for (const name of [module('count.mjs'), './link.mjs', '../../../etc/passwd']) {
    const opened = Switch.open(configWith({ p1: { hooks: [{ module: name }] } }), {
      hooksDirectory: directory,
    });
    await expect(opened).rejects.toThrow(/is not in .*taploom-hooks|There is no file/);
  }
  const none = Switch.open(configWith({ p1: { hooks: [{ module: module('count.mjs') }] } }), {
    hooksDirectory: false,
  });
  await expect(none).rejects.toThrow('--hooks DIRECTORY');
});

test('a function cannot go to a thread', async () => {
  const opened = Switch.open(configWith({ p1: { hooks: [{ function: 'one' }] } }), {
    hooks: { one: () => ({ filter: () => true }) },
  });
  await expect(opened).rejects.toThrow('write a module, or open the switch with { threaded: false }');
});
