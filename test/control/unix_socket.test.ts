import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientSocket, daemonSocket } from '../../src/control/socket_path.ts';
import { listenUnix } from '../../src/control/unix_socket.ts';

const SOCKET_PATH = new URL('../../dist/src/control/socket_path.js', import.meta.url).href;

let directory: string;
let path: string;
const servers: Server[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  path = join(directory, 'run', 'taploom', 'control.sock');
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true, force: true });
});

async function listen(group?: string) {
  const server = createServer();
  servers.push(server);
  await listenUnix(server, path, { group });
}

const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

test('the directory is made for everybody to pass, the socket for its owner alone', async () => {
  const umask = process.umask(0o022);
  try {
    await listen();
    expect(mode(path)).toBe('600');
    expect(mode(join(directory, 'run', 'taploom'))).toBe('755');
    expect(process.umask()).toBe(0o022);
  } finally {
    process.umask(umask);
  }
});

test.runIf(process.getuid?.() === 0)('with a group, its members may use the socket too', async () => {
  await listen('daemon');
  expect(mode(path)).toBe('660');
  expect(statSync(path).gid).toBe(1);
});

test('a group may be a number, and must exist', async () => {
  await listen(String(process.getgid?.()));
  expect(mode(path)).toBe('660');
  path = join(directory, 'other.sock');
  await expect(listen('no-such-group')).rejects.toMatchObject({ code: 'no_such_group' });
  expect(existsSync(path)).toBe(false);
});

test('a socket that somebody answers on is not taken away', async () => {
  await listen();
  await expect(listen()).rejects.toMatchObject({
    code: 'already_running',
    message: `taploomd is already running at ${path}`,
  });
  expect(existsSync(path)).toBe(true);
});

test('the socket of a process that was killed is replaced', async () => {
  path = join(directory, 'killed.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  expect(spawnSync(process.execPath, ['-e', script]).signal).toBe('SIGKILL');
  expect(statSync(path).isSocket()).toBe(true);
  await listen();
  await expect(listen()).rejects.toMatchObject({ code: 'already_running' });
});

test('a file that is not a socket stays', async () => {
  path = join(directory, 'precious.txt');
  writeFileSync(path, 'data');
  chmodSync(path, 0o600);
  await expect(listen()).rejects.toMatchObject({ code: 'invalid_socket' });
  expect(existsSync(path)).toBe(true);
});

test('a path that no socket can have is refused with the limit', async () => {
  path = join(directory, 'x'.repeat(100));
  await expect(listen()).rejects.toThrow('longer than 107 bytes');
});

test("without a place in /run the socket is in the user's runtime folder, and clients find it once it is there", () => {
  const env = { XDG_RUNTIME_DIR: directory };
  const own = `${directory}/taploom.sock`;
  const asNobody = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `console.log((await import('${SOCKET_PATH}')).daemonSocket(${JSON.stringify(env)}))`,
    ],
    { encoding: 'utf8', ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}) },
  );
  expect(asNobody.stdout).toBe(`${own}\n`);
  if (process.getuid?.() === 0) expect(daemonSocket(env)).toBe('/run/taploom/taploom.sock');
  expect(daemonSocket({ ...env, TAPLOOM_SOCKET: '/t' })).toBe('/t');

  expect(clientSocket(env)).toBe('/run/taploom/taploom.sock');
  writeFileSync(own, '');
  expect(clientSocket(env)).toBe(own);
  expect(clientSocket({ ...env, TAPLOOM_SOCKET: '/t' })).toBe('/t');
  expect(clientSocket({})).toBe('/run/taploom/taploom.sock');
});
