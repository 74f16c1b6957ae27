import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FdbEntry } from '../../src/api.ts';
import { Changes } from '../../src/control/changes.ts';
import { ControlClient } from '../../src/control/client.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

let directory: string;
let socket: string;
let client: ControlClient;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  socket = join(directory, 'c.sock');
  client = new ControlClient(socket);
});
afterEach(() => {
  client.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('with a daemon', () => {
  let api: SimulatedSwitch;
  let server: ControlServer;
  beforeEach(async () => {
    api = new SimulatedSwitch();
    server = await startControlServer({ api, socket, changes: new Changes(api), version: '1.2.3' });
  });
  afterEach(() => server.close());

  test('bridges, ports and entries are made, read, changed and deleted', async () => {
    await client.addBridge('br0', { ageing_time: 60 });
    await client.addPort('br0', 'eth0.10', { type: 'tap' });
    await client.setPort('br0', 'eth0.10', { hairpin: true });
    expect(await client.port('br0', 'eth0.10')).toMatchObject({
      status: { name: 'eth0.10' },
      config: { hairpin: true },
    });
    await client.setBridge('br0', { ageing_time: 20 });
    expect((await client.bridge('br0')).config.ageing_time).toBe(20);
    await client.putStatic({ bridge: 'br0', mac: '02:00:00:00:00:01', port: 'eth0.10' });
    expect((await client.config()).bridges.br0.static).toHaveLength(1);
    await client.deleteStatic({ bridge: 'br0', mac: '02:00:00:00:00:01' });
    expect(await client.flush({ bridge: 'br0' })).toBe(3);
    expect(await client.drops()).toEqual([]);
    expect((await client.stats()).ports).toHaveLength(2);
    await client.deletePort('br0', 'eth0.10');
    await client.deleteBridge('br0');
    expect(await client.summary()).toMatchObject({ version: '1.2.3', bridges: [], ports: [] });
  });

  test('a configuration is planned, then applied', async () => {
    const config = { version: 1, bridges: { br0: { local: false } } };
    expect(await client.plan(config)).toEqual([{ op: 'add', kind: 'bridge', path: 'bridges.br0' }]);
    expect(api.config.bridges).toEqual({});
    expect(await client.apply(config)).toEqual([
      { op: 'add', kind: 'bridge', path: 'bridges.br0', ok: true },
    ]);
    await expect(client.apply({ version: 2 })).rejects.toMatchObject({ code: 'invalid_config', status: 400 });
  });

  test('errors carry code, status and problems', async () => {
    await expect(client.setBridge('nope', {})).rejects.toMatchObject({ code: 'no_such_bridge', status: 404 });
    await expect(client.addBridge('br0', { ageing_time: 'soon', fdb_limit: 0 })).rejects.toMatchObject({
      code: 'invalid_config',
      problems: [{ path: 'bridges.br0.ageing_time' }, { path: 'bridges.br0.fdb_limit' }],
    });
  });

  test('a name cannot reach another resource', async () => {
    for (const name of ['', '.', '..', 'br0/ports/x', 'a%2fb']) {
      await expect(client.deleteBridge(name)).rejects.toMatchObject({ name: 'ControlError' });
      await expect(client.addBridge(name)).rejects.toMatchObject({ code: 'invalid_config', status: 400 });
    }
    expect(api.config.bridges).toEqual({});
  });

  test('a database of many pages is read to its end over one connection', async () => {
    const row: FdbEntry = {
      bridge: 'br0',
      mac: '02:00:00:00:00:01',
      vlan: 0,
      port: 'p',
      type: 'learned',
      age: 1,
    };
    api.entries = Array.from({ length: 1234 }, (_, i) => ({ ...row, age: i }));
    let rows = 0;
    for await (const page of client.fdb({ bridge: 'br0' }, 100)) rows += page.length;
    expect(rows).toBe(1234);
  });

  test('of two that ask at once for the same name one gets it', async () => {
    const other = new ControlClient(socket);
    const both = await Promise.allSettled([client.addBridge('br0'), other.addBridge('br0')]);
    other.close();
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('a large body in chunks is accepted up to the limit', async () => {
    const bridges = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`b${i}`, { local: false }]));
    expect(await client.apply({ version: 1, bridges })).toHaveLength(200);
    await expect(client.apply({ junk: 'x'.repeat(5 << 20) })).rejects.toMatchObject({
      code: 'body_too_large',
    });
  });
});

describe('without a daemon', () => {
  test('a missing socket is named, with what to do', async () => {
    await expect(client.summary()).rejects.toMatchObject({
      code: 'not_running',
      message: `taploomd is not running: no socket at ${socket}. Start it, or name its socket with --socket or $TAPLOOM_SOCKET`,
    });
  });

  test('a dead socket is told from a missing one', async () => {
    writeFileSync(socket, '');
    await expect(client.summary()).rejects.toThrow(`taploomd is not running: nobody listens at ${socket}`);
  });

  test('a daemon that dies before it answers is no mystery', async () => {
    const server = createTcp((connection) => connection.once('data', () => connection.destroy()));
    await new Promise<void>((done) => server.listen(socket, done));
    await expect(client.summary()).rejects.toMatchObject({ code: 'connection_lost' });
    server.close();
  });

  test('somebody else who answers is found out', async () => {
    const server: Server = createServer((_, response) => response.end('<html>hello</html>'));
    await new Promise<void>((done) => server.listen(socket, done));
    await expect(client.summary()).rejects.toThrow("is it taploomd's socket?");
    server.close();
    server.closeAllConnections();
  });

  test('a connection that says nothing is given up before the daemon closes it: who asks each five seconds has an answer', async () => {
    const server = createServer((_, response) => response.end('{}'));
    await new Promise<void>((done) => server.listen(socket, done));
    const count = promisify(server.getConnections.bind(server));
    await client.summary();
    expect(await count()).toBe(1);
    await setTimeout(server.keepAliveTimeout - 500);
    expect(await count()).toBe(0);
    await client.summary();
    server.close();
    server.closeAllConnections();
  });

  test.runIf(process.getuid?.() === 0)('without permission, it says who has it', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(socket, done));
    chmodSync(socket, 0o600);
    chmodSync(directory, 0o755);
    process.seteuid?.(65_534);
    try {
      await expect(client.summary()).rejects.toThrow(
        /No permission to use .* run as root, or join the group/,
      );
    } finally {
      process.seteuid?.(0);
      server.close();
    }
  });

  test('the socket comes from the environment unless it is given', () => {
    const before = process.env.TAPLOOM_SOCKET;
    process.env.TAPLOOM_SOCKET = '/somewhere/else.sock';
    try {
      expect(new ControlClient().socket).toBe('/somewhere/else.sock');
      expect(new ControlClient('/x').socket).toBe('/x');
      process.env.TAPLOOM_SOCKET = '';
      expect(new ControlClient().socket).toBe('/run/taploom/taploom.sock');
    } finally {
      if (before === undefined) delete process.env.TAPLOOM_SOCKET;
      else process.env.TAPLOOM_SOCKET = before;
    }
  });
});
