import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlClient } from '../../src/control/client.ts';
import { Daemon, type DaemonOptions } from '../../src/control/daemon.ts';
import { createLogger } from '../../src/control/log.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

let directory: string;
let file: string;
let options: DaemonOptions;
let switches: SimulatedSwitch[];
let lines: string[];
const daemons: Daemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  file = join(directory, 'switch.yaml');
  switches = [];
  lines = [];
  options = {
    socket: join(directory, 'run', 'c.sock'),
    log: createLogger({ level: 'debug', journal: false, write: (line) => void lines.push(line.slice(25)) }),
    open: async (config) => {
      const api = new SimulatedSwitch(config);
      switches.push(api);
      return api;
    },
  };
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(more: Partial<DaemonOptions> = {}) {
  const daemon = await Daemon.start({ ...options, ...more });
  daemons.push(daemon);
  return { daemon, api: switches.at(-1) as SimulatedSwitch };
}

async function stop(daemon: Daemon) {
  daemons.splice(daemons.indexOf(daemon), 1);
  await daemon.close();
}

async function withClient<T>(use: (client: ControlClient) => Promise<T>): Promise<T> {
  const client = new ControlClient(options.socket);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const BR0 = 'version: 1\nbridges:\n  br0: { ports: { vm1: { type: tap } } }\n';

test('whoever reaches the socket finds the configured switch', async () => {
  writeFileSync(file, BR0);
  const { daemon } = await start({ config: file, metrics: { address: '127.0.0.1', port: 0 } });
  expect(await withClient((client) => client.summary())).toMatchObject({
    bridges: [{ name: 'br0', ports: ['vm1'] }],
  });
  expect(await (await fetch(daemon.metricsUrl ?? '')).text()).toContain('taploom_port_up{');
  expect(daemon.status).toBe('Forwarding with 1 bridge and 2 ports');
  expect(lines.at(-1)).toContain('is ready with 1 bridge and 2 ports');
});

test('without a configuration it starts empty, and without metrics it serves none', async () => {
  const { daemon, api } = await start();
  expect(api.config).toEqual({ version: 1, bridges: {} });
  expect(daemon.metricsUrl).toBeUndefined();
  expect(await daemon.reload()).toBe(false);
});

test('closing closes the switch and removes the socket', async () => {
  const { daemon, api } = await start();
  expect(existsSync(options.socket)).toBe(true);
  await stop(daemon);
  expect(api.closed).toBe(true);
  expect(existsSync(options.socket)).toBe(false);
});

test('a bad configuration is refused with all problems before a switch exists', async () => {
  writeFileSync(file, 'version: 1\nbridges:\n  br0: { ageing_time: soon, fdb_limit: 0 }\n');
  await expect(start({ config: file })).rejects.toMatchObject({
    code: 'invalid_config',
    problems: { length: 2 },
  });
  await expect(start({ config: `${file}.missing` })).rejects.toThrow(
    `Cannot read the configuration ${file}.missing: ENOENT`,
  );
  expect(switches).toEqual([]);
});

test('a second daemon is refused before it touches devices', async () => {
  await start();
  await expect(start()).rejects.toMatchObject({ code: 'already_running' });
  expect(switches).toHaveLength(1);
});

test('the web page is served until the daemon closes', async () => {
  const { daemon } = await start({ web: { address: '127.0.0.1', port: 0 } });
  const url = daemon.webUrl ?? '';
  expect(lines.at(-1)).toContain(`no metrics, web page at ${url}`);
  expect(await (await fetch(url)).text()).toContain('<title>Taploom</title>');
  await stop(daemon);
  await expect(fetch(url)).rejects.toThrow();
});

test('a start that fails half-way takes down what it made', async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const { port } = taken.address() as AddressInfo;
  await expect(start({ metrics: { address: '127.0.0.1', port } })).rejects.toMatchObject({
    code: 'metrics_address',
  });
  const metrics = { address: '127.0.0.1', port: 0 };
  await expect(start({ metrics, web: { address: '127.0.0.1', port } })).rejects.toMatchObject({
    code: 'web_address',
  });
  taken.close();
  expect(switches.map(({ closed }) => closed)).toEqual([true, true]);
  expect(existsSync(options.socket)).toBe(false);
});

test('a part of the configuration that cannot be had is logged and stays wanted, the rest forwards', async () => {
  writeFileSync(file, 'version: 1\nbridges:\n  br0: { ports: { vm1: { type: tap }, vm2: { type: tap } } }\n');
  const { api } = await start({
    config: file,
    open: async (config) => {
      const opened = new SimulatedSwitch(config);
      opened.failures.set('bridges.br0.ports.vm1', { error: 'no such namespace' });
      switches.push(opened);
      return opened;
    },
  });
  expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm1', 'vm2']);
  expect(lines.join('')).toContain('error Cannot add bridges.br0.ports.vm1: no such namespace');
});

test('a reload brings the file into force, a bad file changes nothing', async () => {
  writeFileSync(file, BR0);
  const { daemon, api } = await start({ config: file });
  writeFileSync(file, BR0.replace('vm1', 'vm2'));
  expect(await daemon.reload()).toBe(true);
  expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm2']);
  writeFileSync(file, 'version: 1\nbridges: { br0: { ageing_time: soon, fdb_limit: 0 } }\n');
  expect(await daemon.reload()).toBe(false);
  expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm2']);
  expect(lines.at(-1)).toContain('ageing_time');
  expect(lines.at(-1)).toContain('fdb_limit');
  rmSync(file);
  expect(await daemon.reload()).toBe(false);
  expect(lines.at(-1)).toContain('ENOENT');
});

test('the metrics tell whether the last reload succeeded, and when one last did', async () => {
  writeFileSync(file, BR0);
  const { daemon, api } = await start({ config: file, metrics: { address: '127.0.0.1', port: 0 } });
  const loads = async () => {
    await new Promise((done) => setTimeout(done, 110)); // until a text is not shared any more
    const text = await (await fetch(daemon.metricsUrl ?? '')).text();
    return [...text.matchAll(/^taploom_config_last_reload_\w+ (\S+)$/gm)].map(([, value]) => Number(value));
  };
  const [succeeded, startedAt] = await loads();
  expect([succeeded, Math.abs(startedAt - Date.now() / 1000) < 10]).toEqual([1, true]);
  writeFileSync(file, 'version: 1\nbridges: { br0: { ageing_time: soon } }\n');
  await daemon.reload();
  expect(await loads()).toEqual([0, startedAt]);
  writeFileSync(file, BR0.replace('vm1', 'vm2'));
  api.failures.set('bridges.br0.ports.vm2', { error: 'not permitted' });
  await daemon.reload();
  expect(await loads()).toEqual([0, startedAt]);
  api.failures.clear();
  writeFileSync(file, BR0);
  await daemon.reload();
  const [again, reloadedAt] = await loads();
  expect([again, reloadedAt > startedAt]).toEqual([1, true]);
});

test('changes by clients survive a restart, until the file changes', async () => {
  writeFileSync(file, BR0);
  const state = join(directory, 'state.json');
  const first = await start({ config: file, state });
  await withClient((client) => client.addBridge('br1'));
  expect(readFileSync(state, 'utf8')).toContain('br1');
  await stop(first.daemon);

  const second = await start({ config: file, state });
  expect(Object.keys(second.api.config.bridges)).toEqual(['br0', 'br1']);
  writeFileSync(file, BR0.replace('vm1', 'vm9'));
  expect(await second.daemon.reload()).toBe(true);
  await withClient((client) => client.addBridge('br2'));
  await stop(second.daemon);

  const third = await start({ config: file, state });
  expect(Object.keys(third.api.config.bridges)).toEqual(['br0', 'br2']);
  await stop(third.daemon);
  writeFileSync(file, BR0);
  expect(Object.keys((await start({ config: file, state })).api.config.bridges)).toEqual(['br0']);
});

test('a state that cannot be written is an error to the client, and the change is in force', async () => {
  const state = join(directory, 'no', 'state.json');
  const { api } = await start({ state });
  // a file where the directory should be: even root cannot write below it
  writeFileSync(join(directory, 'no'), '');
  await expect(withClient((client) => client.addBridge('br1'))).rejects.toMatchObject({
    code: 'state_unwritable',
  });
  expect(Object.keys(api.config.bridges)).toEqual(['br1']);
});

test.each([
  ['none, with HTTP/1.0', 'HTTP/1.0', 200],
  ['an empty one', 'HTTP/1.1\r\nHost:', 200],
  ['the path of the socket', 'HTTP/1.1\r\nHost: /run/taploom/taploom.sock', 200],
  ['none, with HTTP/1.1', 'HTTP/1.1', 400], // RFC 9112, section 3.2
])('a Unix socket has no host: %s', async (_, head, status) => {
  await start();
  const client = connect(options.socket).setEncoding('latin1');
  client.write(`GET /v1/healthz ${head}\r\n\r\n`);
  const answer = await new Promise((done) => client.once('data', done));
  client.destroy();
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});
