// `npm start`: set-up, then the main job where you can watch it. Two hosts, which are network namespaces with one TAP
// each, talk through a taploomd that runs examples/quickstart.yaml, until Ctrl-C.
//
//   taploom-h1 10.99.0.1 --- TAP h1 --- taploomd (taploom0) --- TAP h2 --- 10.99.0.2 taploom-h2
//
// A third one is a guest of a network with NAT (start_network.mjs). What it makes (namespaces, one child process) it writes
// down first, in a folder of its own, so that the next start can clean up after a `kill -9`, and touches nothing else.

import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChildren, ip, output, say, start, traffic } from './hosts.mjs';
import { checkRights, giveSelfAPrivateRun, realUser } from './rights.mjs';
import { main, ROOT, SetupError, setup } from './setup.mjs';

const CONFIG = join(ROOT, 'examples/quickstart.yaml');
const DAEMON = join(ROOT, 'dist/src/programs/taploomd.js');
const HOSTS = [
  { netns: 'taploom-h1', device: 'h1', v4: '10.99.0.1', v6: 'fd99::1' },
  { netns: 'taploom-h2', device: 'h2', v4: '10.99.0.2', v6: 'fd99::2' },
];
const GUEST = { netns: 'taploom-g1', device: 'g1' };
const NAMESPACES = [...HOSTS, GUEST].map(({ netns }) => netns);
const DIR = join(tmpdir(), `taploom-start-${realUser()}`);
const SOCKET = join(DIR, 'taploom.sock');
const RECORD = join(DIR, 'made.json');
const METRICS_PORT = 9477;
const TCP_PORT = 5001;
const TCP_SECONDS = 3;
const REFRESH_MS = 1000;
const LINES_EVERY_MS = 5000;

const started = performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// --- leftovers

/** Whether `pid` is a living process whose command line contains `word`: a pid alone may be somebody else's by now. */
function isAlive(pid, word) {
  try {
    return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
  } catch {
    return false;
  }
}

async function openRecord() {
  mkdirSync(DIR, { recursive: true, mode: 0o700 });
  // A link of somebody else's would lead us to another folder.
  const { uid, mode } = lstatSync(DIR);
  if (uid !== process.getuid() || (mode & 0o170_022) !== 0o040_000)
    throw new SetupError(`${DIR} is not a folder of this user alone.`);
  let before = { script: 0, daemon: 0 };
  try {
    before = JSON.parse(readFileSync(RECORD, 'utf8'));
  } catch {
    // The first start, or one that ended as it should.
  }
  // One whose `npm` was killed ends by itself within moments.
  for (let tries = 0; isAlive(before.script, 'start.mjs') && tries < 30; tries++) await sleep(100);
  if (isAlive(before.script, 'start.mjs')) {
    throw new SetupError(
      `Another \`npm start\` is running (process ${before.script}). Stop it first, or watch that one.`,
    );
  }
  const made = existsSync(RECORD);
  if (isAlive(before.daemon, SOCKET)) {
    process.kill(before.daemon, 'SIGKILL');
    // It had this port, as long as its last thread lives.
    for (let tries = 0; !(await listens(METRICS_PORT)) && tries < 20; tries++) await sleep(50);
  }
  for (const netns of NAMESPACES) {
    if (!existsSync(`/run/netns/${netns}`)) continue;
    if (!made) {
      throw new SetupError(
        `A network namespace ${netns} exists, and it is not a leftover of \`npm start\`. Remove it with: ip netns del ${netns}`,
      );
    }
    ip([`netns del ${netns}`]);
    say(`Removed the namespace ${netns} that an earlier start left behind.`);
  }
  // Nobody who had a lease is there any more; what the daemon changed of the host, the next one undoes.
  for (const file of [SOCKET, `${SOCKET}.leases`]) rmSync(file, { force: true });
}

function record(fields) {
  writeFileSync(RECORD, JSON.stringify(fields));
}

// --- the switch

function listens(port) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on('error', (error) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    probe.listen(port, '127.0.0.1', () => {
      const { port: bound } = probe.address();
      probe.close(() => resolve(bound));
    });
  });
}

async function chooseMetricsPort() {
  if (await listens(METRICS_PORT)) return METRICS_PORT;
  const other = await listens(0);
  say(`Port ${METRICS_PORT} is taken by another program, so /metrics is on port ${other}.`);
  return other;
}

const agent = new http.Agent({ keepAlive: true });
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = http.request({ socketPath: SOCKET, path, method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const answer = JSON.parse(text);
        if (response.statusCode < 300) resolve(answer);
        else reject(new SetupError(answer.detail));
      });
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}
const get = (path) => ask('GET', path);

async function startDaemon(metricsPort) {
  const args = ['--config', CONFIG, '--socket', SOCKET, '--metrics-address', `127.0.0.1:${metricsPort}`];
  // A group of its own: Ctrl-C is for this script, which then stops the daemon in order.
  const daemon = start(process.execPath, [DAEMON, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  record({ script: process.pid, daemon: daemon.pid });
  let log = '';
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream.on('data', (chunk) => {
      log = (log + chunk).slice(-8192);
    });
  }
  daemon.log = () => log.trim();
  while (!(await get('/v1/healthz').catch(() => null))) {
    if (daemon.exitCode !== null || daemon.signalCode)
      throw new SetupError(`taploomd did not start:\n${daemon.log()}`);
    await sleep(10);
  }
  return daemon;
}

// --- traffic

/** Resolves with how many ms after the start the first answer came. */
async function showPing(from, address) {
  const times = [];
  let first = 0;
  await output(traffic(from, 'ping', address, 5, 50), (line) => {
    first ||= performance.now() - started;
    times.push(line);
  });
  const text = times.map((time) => (time === 'lost' ? time : `${time} ms`)).join('  ');
  say(`ping ${from.device} -> ${address.padEnd(9)}  ${text}`);
  return first;
}

async function showTcp(from, to) {
  const receiver = traffic(to, 'receive', TCP_PORT);
  const result = output(receiver);
  const sender = traffic(from, 'send', to.v4, TCP_PORT, TCP_SECONDS);
  sender.on('exit', (code) => code !== 0 && receiver.kill());
  const [bytes, seconds] = (await result).trim().split('\n').at(-1).split(' ').map(Number);
  if (!(seconds > 0)) throw new SetupError('The TCP transfer between the two hosts failed.');
  const gbits = ((bytes * 8) / seconds / 1e9).toFixed(2);
  say(`TCP  ${from.device} -> ${to.v4}  ${gbits} Gb/s for ${seconds.toFixed(1)} s, every byte compared`);
}

// --- the table

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

function table(ports, before, seconds) {
  const cells = [
    ['port', 'state', 'received', 'bytes', 'transmitted', 'bytes', 'frames/s', 'dropped', 'learned'],
  ];
  for (const port of ports) {
    const { receivedFrames, receivedBytes, transmittedFrames, transmittedBytes, ...rest } = port.counters;
    const last = before?.find((one) => one.name === port.name)?.counters;
    const moved = last
      ? receivedFrames + transmittedFrames - last.receivedFrames - last.transmittedFrames
      : 0;
    const dropped = sum(rest.receiveDropped) + sum(rest.transmitDropped);
    const rate = Math.round(moved / seconds);
    const numbers = [
      receivedFrames,
      receivedBytes,
      transmittedFrames,
      transmittedBytes,
      rate,
      dropped,
      port.learnedAddresses,
    ];
    cells.push([port.name, port.state, ...numbers.map((number) => number.toLocaleString('en'))]);
  }
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const align = (text, column) => (column < 2 ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  return cells.map((row) => row.map(align).join('  '));
}

async function showTable(stopped) {
  const live = process.stdout.isTTY;
  let before;
  let height = 0;
  let at = performance.now();
  while (true) {
    const { ports } = await get('/v1/stats');
    const now = performance.now();
    const lines = table(ports, before, (now - at) / 1000);
    if (live && height > 0) process.stdout.write(`\x1b[${height}A\x1b[J`);
    say(lines.join('\n'));
    if (!live) say();
    height = lines.length;
    before = ports;
    at = now;
    if (await Promise.race([stopped, sleep(live ? REFRESH_MS : LINES_EVERY_MS)])) return;
  }
}

// --- all of it

await main(async () => {
  checkRights();
  setup({ tools: ['ip'], purpose: 'The quickstart' });
  if (await giveSelfAPrivateRun()) return;

  let stop = () => {};
  const stopped = new Promise((resolve) => {
    stop = () => resolve(true);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  // Whoever reads has gone, as with `npm start | head`.
  process.stdout.on('error', stop);
  watchParent(stop);

  await openRecord();
  record({ script: process.pid, daemon: 0 });
  try {
    ip(HOSTS.map(({ netns }) => `netns add ${netns}`));
    const metricsPort = await chooseMetricsPort();
    const daemon = await startDaemon(metricsPort);
    daemon.once('exit', stop);
    for (const { netns, device, v4, v6 } of HOSTS) {
      const addresses = [`addr add ${v4}/24 dev ${device}`, `addr add ${v6}/64 dev ${device} nodad`];
      ip(['link set dev lo up', ...addresses, `link set dev ${device} up`], netns);
    }

    const [h1, h2] = HOSTS;
    await Promise.race([
      stopped,
      (async () => {
        const first = await showPing(h1, h2.v4);
        say(`First answer ${(first / 1000).toFixed(1)} s after the start.`);
        await showPing(h2, h1.v6);
        // What it needs is there only now that all is built.
        const { showNetwork } = await import('./start_network.mjs');
        await showTcp(h1, h2);
        await showNetwork(GUEST, ask).catch(({ message }) => say(`NAT  is not shown: ${message}`));
      })(),
    ]);
    // Something to see in the table.
    traffic(h1, 'ping', h2.v4, 1e9, 1000).stdout.resume();

    say();
    say(`Metrics:  curl http://127.0.0.1:${metricsPort}/metrics`);
    say(`Control:  TAPLOOM_SOCKET=${SOCKET} npx taploom show`);
    say(`A host:   ip netns exec ${h1.netns} ping ${h2.v4}`);
    if (process.env.TAPLOOM_PRIVATE_RUN) {
      say(
        `In another shell, first enter this sandbox: nsenter -t ${process.pid} -U -n -m --preserve-credentials`,
      );
    }
    say('Ctrl-C stops the switch and removes all hosts. Received and transmitted are what the switch does.');
    say();
    await showTable(stopped);
    if (daemon.exitCode !== null) throw new SetupError(`taploomd ended by itself:\n${daemon.log()}`);
  } finally {
    agent.destroy();
    await endChildren();
    undo();
    const left = NAMESPACES.filter((netns) => existsSync(`/run/netns/${netns}`));
    if (left.length > 0) ip(left.map((netns) => `netns del ${netns}`));
    rmSync(DIR, { recursive: true, force: true });
  }
  say();
  say('Stopped; the namespaces and devices are gone.');
});

/** Ends with `npm`: killed, it cannot pass the signal on, and nobody would be left to press Ctrl-C. */
function watchParent(stop) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), 200).unref();
}

/** What a daemon that had to be killed has left on the host. */
function undo() {
  if (existsSync(join(DIR, 'host-uplink.json')))
    spawnSync(process.execPath, [DAEMON, '--undo', '--socket', SOCKET], { stdio: 'ignore' });
}
