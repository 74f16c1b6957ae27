// The library in a worker_thread only: it may end in any way, its devices end with it, and the process goes on and ends
// as if nothing had been.

import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs();

const PROGRAM = `
import { readdirSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const port = { type: 'tap' };
const config = { version: 1, bridges: { b: { local: false, ports: { tap0: port } } } };
const open = () => readdirSync('/proc/self/fd').length;
// sysfs is of the namespace that mounted it.
const isThere = () => readFileSync('/proc/self/net/dev', 'utf8').includes('tap0');

async function run(how) {
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  let error = 'no error';
  worker.once('error', ({ message }) => { error = message; });
  worker.once('message', () => how === 'terminate' && worker.terminate());
  await new Promise((resolve) => worker.once('exit', resolve));
  return [how, error];
}

if (isMainThread) {
  await run('close'); // what Node opens once
  const before = open();
  for (const how of ['close', 'exit', 'throw', 'inline', 'terminate', 'close']) {
    console.log(...(await run(how)), isThere(), open() - before);
  }
} else {
  const { Switch } = await import('taploom');
  const sw = await Switch.open(config, { threaded: workerData !== 'inline' });
  if (!isThere()) throw new Error('there is no TAP');
  parentPort.postMessage('open');
  if (workerData === 'exit') process.exit(0);
  if (workerData === 'throw') throw new Error('ouch');
  if (workerData === 'close') await sw.close();
}
`;

test('a worker_thread may close its switch or just end: its TAP and its descriptors go with it', async () => {
  const lab = await openLab();
  const host = await lab.netns('worker');
  const index = new URL('../../dist/src/index.js', import.meta.url).href;
  writeFileSync(`${lab.dir}/program.mjs`, PROGRAM.replace("'taploom'", `'${index}'`));
  const { code, stdout, stderr } = await host.run([process.execPath, `${lab.dir}/program.mjs`]);
  expect(stderr).toBe('');
  expect(stdout.split('\n')).toEqual([
    'close no error false 0',
    'exit no error false 0',
    'throw ouch false 0',
    'inline no error false 0',
    'terminate no error false 0',
    'close no error false 0',
    '',
  ]);
  expect(code).toBe(0);
});
