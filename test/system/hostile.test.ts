// Clients, files and requests that mean harm: the daemon lives, forwards and answers, and takes little memory for them.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { ping } from '../support/traffic.ts';

needs('python3', 'curl');

const HOSTILE = fileURLToPath(new URL('../support/hostile.py', import.meta.url));
const READERS = fileURLToPath(new URL('../support/readers.py', import.meta.url));
const METRICS_PORT = '9477';
const EMPTY = { version: 1, bridges: { br0: { local: false } } };

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** MiB. */
function memoryOf(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) / 1024;
}

async function attack(where: Netns, address: string, count: number, requests: number, path: string) {
  const clients = where.spawn(['python3', HOSTILE, address, String(count), String(requests), path]);
  await clients.waitFor(/ready/, 30_000);
  return clients;
}

/** Times of `count` requests, ms, ascending. */
async function answerTimes(daemon: Taploomd, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const started = performance.now();
    await daemon.get('/v1/healthz');
    times.push(performance.now() - started);
    await sleep(5);
  }
  return times.sort((a, b) => a - b);
}

/** Over a connection of its own, as commands have one. */
function statusOf({ socket: socketPath }: Taploomd, path: string): Promise<number | undefined> {
  return new Promise((done, fail) => {
    get({ socketPath, path, agent: false }, (response) => {
      response.resume().on('end', () => done(response.statusCode));
    }).on('error', fail);
  });
}

async function twoHosts(lab: Lab) {
  const [sw, a, b] = await lab.netnsList(['sw', 'a', 'b']);
  const ports = { ha: { type: 'tap', netns: a.name }, hb: { type: 'tap', netns: b.name } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await a.ip('addr add 10.0.0.1/24 dev ha', 'link set dev ha up');
  await b.ip('addr add 10.0.0.2/24 dev hb', 'link set dev hb up');
  return { sw, a, daemon };
}

test('64 clients that read nothing on each listener cost little memory, no frame and little time', {
  timeout: 90_000,
}, async () => {
  const lab = await openLab();
  const { sw, a, daemon } = await twoHosts(lab);
  await a.check(['ping', '-c', '3', '-i', '0.2', '10.0.0.2']);
  await answerTimes(daemon, 50);
  // What a first answer takes, the document of the API most of all, is not the clients'.
  for (const path of ['/openapi.json', '/v1/fdb?limit=10000']) await daemon.get(path);
  await daemon.scrape();
  const before = memoryOf(daemon.process.pid);

  const pings = ping(a, '10.0.0.2', { count: 400, intervalSeconds: 0.02 });
  await attack(sw, METRICS_PORT, 64, 1000, '/metrics');
  await attack(sw, daemon.socket, 64, 1000, '/v1/fdb?limit=10000');
  await attack(sw, daemon.socket, 64, 1000, '/openapi.json');
  const times = await answerTimes(daemon, 200);
  const { sent, received } = await pings;

  expect(memoryOf(daemon.process.pid) - before).toBeLessThan(50);
  expect(times[Math.floor(times.length * 0.99) - 1]).toBeLessThan(50);
  expect(received).toBe(sent);
});

test('a thousand idle connections leave room for a command, and 400 readers of events do not delay it', {
  timeout: 60_000,
}, async () => {
  const lab = await openLab();
  const { sw, daemon } = await twoHosts(lab);
  await attack(sw, daemon.socket, 1000, 0, '/');
  await attack(sw, daemon.socket, 400, 1, '/v1/events');
  const started = performance.now();
  const shown = await daemon.cli('show');
  expect(shown).toContain('br0');
  expect(performance.now() - started).toBeLessThan(5000);
  const times = await answerTimes(daemon, 100);
  expect(times[98]).toBeLessThan(100);
});

test.each([
  ['/v1/stats', 'again'],
  ['/v1/stats', 'anew'],
  ['/metrics', 'again'],
])(
  '400 readers of %s that ask %s delay nobody else for 100 ms, nor the end for 2 s',
  {
    timeout: 60_000,
  },
  async (path, how) => {
    const lab = await openLab();
    const { sw, daemon } = await twoHosts(lab);
    await answerTimes(daemon, 50);
    const address = path === '/metrics' ? METRICS_PORT : daemon.socket;
    const readers = sw.spawn(['python3', READERS, address, '400', path, how]);
    await readers.waitFor(/ready/, 30_000);
    await sleep(1000);
    const times: number[] = [];
    for (let n = 0; n < 100; n++) {
      const started = performance.now();
      if (n % 2 === 0) expect(await statusOf(daemon, '/v1/healthz')).toBe(200);
      else await daemon.request('PATCH', '/v1/bridges/br0/ports/ha', { hairpin: n % 4 === 1 });
      times.push(performance.now() - started);
      await sleep(5);
    }
    times.sort((a, b) => a - b);
    expect(times[94]).toBeLessThan(100);

    const started = performance.now();
    expect(await daemon.process.stop('SIGTERM', 10_000)).toBe(0);
    expect(performance.now() - started).toBeLessThan(2000);
  },
);

test('no file ends the daemon: 200,000 problems, endless nesting, a FIFO', { timeout: 60_000 }, async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const daemon = await Taploomd.start(lab, where, EMPTY);
  const file = join(lab.dir, 'taploom.yaml');
  const lines = Array.from({ length: 200_000 }, (_, n) => `  b${n}: 1\n`);
  writeFileSync(file, `version: 1\nbridges:\n${lines.join('')}`);
  daemon.process.kill('SIGHUP');
  await daemon.process.waitFor(/200000 bridges; at most/, 30_000);
  const ports = Array.from({ length: 4000 }, (_, n) => `   p${n}: { type: tap, mtuu: 1 }\n`);
  writeFileSync(file, `version: 1\nbridges:\n br0:\n  ports:\n${ports.join('')}`);
  daemon.process.kill('SIGHUP');
  await daemon.process.waitFor(/unknown key, did you mean mtu(.|\n)*and 3,900 more problems/, 30_000);
  writeFileSync(file, '['.repeat(100_000));
  daemon.process.kill('SIGHUP');
  await daemon.process.waitFor(/nested too deeply|sufficiently indented/, 30_000);
  spawnSync('rm', [file]);
  spawnSync('mkfifo', [file]);
  daemon.process.kill('SIGHUP');
  await daemon.process.waitFor(/it is not a regular file/);
  await daemon.get('/v1/healthz');
});

test('SIGTERM ends it in 2 s with a stderr that nobody reads, and clients that ask for ever', {
  timeout: 60_000,
}, async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const file = join(lab.dir, 'taploom.yaml');
  const socket = join(lab.dir, 's');
  writeFileSync(file, JSON.stringify(EMPTY));
  const words = ['--config', file, '--socket', socket, '--metrics-address', 'off', '--log-level', 'trace'];
  // The reader of the pipe never reads; the shell tells the daemon's process number and code.
  const script = `{ "$@" 2>&3 & echo pid $!; wait $!; echo code $?; } 3> >(exec sleep 60 >&- 2>&-)`;
  const shell = where.spawn(['bash', '-c', script, 'sh', process.execPath, program('taploomd'), ...words]);
  const [, pid] = await shell.waitFor(/pid (\d+)/);
  await expect.poll(() => spawnSync('test', ['-S', socket]).status, { timeout: 10_000 }).toBe(0);
  await attack(where, socket, 64, 1000, '/openapi.json');
  // A bad file of 60 KiB of problems, again and again: more than the pipe takes.
  writeFileSync(
    file,
    `version: 1\nbridges:\n${Array.from({ length: 300 }, (_, n) => `  b${n}: 1\n`).join('')}`,
  );
  for (let n = 0; n < 30; n++) {
    process.kill(Number(pid), 'SIGHUP');
    await sleep(50);
  }
  const started = performance.now();
  process.kill(Number(pid), 'SIGTERM');
  await shell.waitFor(/code 0/, 10_000);
  expect(performance.now() - started).toBeLessThan(2000);
  shell.kill('SIGKILL');
});

test('of two daemons that start at once, on one socket or on one state, exactly one lives: 25 times', {
  timeout: 120_000,
}, async () => {
  const lab = await openLab();
  const where = await lab.netns('sw');
  const race = async (n: number) => {
    const state = join(lab.dir, `state${n}.json`);
    const sockets = [0, 1].map((which) => join(lab.dir, `s${n}${n % 2 === 0 ? '' : which}`));
    const daemons = sockets.map((socket) =>
      where.spawn([
        process.execPath,
        program('taploomd'),
        ...['--state', state, '--socket', socket, '--metrics-address', 'off'],
      ]),
    );
    const ends = await Promise.all(
      daemons.map((daemon) =>
        Promise.race([daemon.waitFor(/is ready/, 20_000).then(() => 'ready'), daemon.exited]),
      ),
    );
    expect(ends.map(String).sort()).toEqual(['1', 'ready']);
    const held = n % 2 === 0 ? sockets[0] : `the state file ${state}`;
    const loser = daemons[ends.indexOf('ready') === 0 ? 1 : 0];
    expect(loser.stderr).toMatch(/already running/);
    expect(loser.stderr).toContain(held);
    await daemons[ends.indexOf('ready')].stop('SIGTERM');
  };
  for (let n = 0; n < 24; n += 2) await Promise.all([race(n), race(n + 1)]);
  await race(24);
});

test('a patch of 100,000 levels is a bad request', async () => {
  const lab = await openLab();
  const daemon = await Taploomd.start(lab, await lab.netns('sw'), EMPTY);
  const file = join(lab.dir, 'deep.json');
  writeFileSync(file, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
  const url = 'http://x/v1/bridges/br0';
  const { stdout } = spawnSync('curl', [
    '-s',
    '-X',
    'PATCH',
    '--unix-socket',
    daemon.socket,
    url,
    '-d',
    `@${file}`,
  ]);
  expect(JSON.parse(String(stdout))).toMatchObject({ status: 400, code: 'invalid_json' });
  expect(daemon.process.stderr).not.toContain('a request failed');
});
