// The stream of events over a real Unix socket: what a client gets, what it costs when it does not read, and when it ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorOf, type Credentials } from '../../src/control/author.ts';
import { Changes } from '../../src/control/changes.ts';
import { ControlClient } from '../../src/control/client.ts';
import { EventStreams, eventText } from '../../src/control/event_stream.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { SseParser } from '../../src/control/sse_parser.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

let directory: string;
let socket: string;
let api: SimulatedSwitch;
let server: ControlServer;
let client: ControlClient;
const sockets: Socket[] = [];
const credentials: Credentials = () => ({ pid: process.pid, uid: userInfo().uid, gid: 7 });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  socket = join(directory, 'c.sock');
  api = new SimulatedSwitch({ version: 1, bridges: { br0: { local: false } } });
  server = await startControlServer({ api, socket, changes: new Changes(api), version: '1', credentials });
  client = new ControlClient(socket);
});
afterEach(async () => {
  for (const one of sockets.splice(0)) one.destroy();
  client.close();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const happen = (port = 'vm1') => api.events.add({ type: 'port', change: 'up', bridge: 'br0', port });

/** A connection that asks, and reads when it is told to. */
function ask(path: string, headers = ''): Socket {
  const one = connect(socket);
  sockets.push(one);
  one.write(`GET ${path} HTTP/1.1\r\nHost: taploom\r\n${headers}\r\n`);
  return one;
}

async function until(what: string, look: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!look()) {
    if (Date.now() > end) throw new Error(`Still not: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

async function take(count: number, query = {}): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of client.follow(query)) if (events.push(event) === count) break;
  return events;
}

test('a client gets what is stored since, then what comes', async () => {
  for (let n = 0; n < 3; n++) happen();
  const following = take(3, { since: 1 });
  setTimeout(() => happen('vm2'), 50);
  expect(await following).toMatchObject([{ seq: 2 }, { seq: 3 }, { seq: 4, port: 'vm2' }]);
});

test('a client that comes back goes on where it was', async () => {
  for (let n = 0; n < 3; n++) happen();
  const one = ask('/v1/events?since=0', 'Last-Event-ID: 2\r\n');
  let text = '';
  one.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await until('event 3', () => text.includes('id: 3\n'));
  expect(text).not.toContain('id: 2\n');
  expect(text).toContain('text/event-stream');
});

test('what is stored is had as JSON, by type, bridge and port', async () => {
  happen();
  happen('vm2');
  api.events.add({ type: 'lost', count: 3 });
  expect(await client.events()).toHaveLength(3);
  expect(await client.events({ port: 'vm2', type: 'port,drop' })).toMatchObject([
    { port: 'vm2' },
    { type: 'lost' },
  ]);
  expect(api.events.looks).toBe(2);
  const head = ask('/v1/events?follow=false&look=false', 'Connection: close\r\n');
  expect(String((await once(head, 'data'))[0])).toContain('200 OK');
  expect(api.events.looks).toBe(2);
  await expect(client.events({ type: 'weather' })).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(take(1, { since: -1 })).rejects.toMatchObject({ code: 'invalid_request', status: 400 });
});

test('a client that does not read costs bounded memory, and is told what it lost', async () => {
  const response = await new Promise<IncomingMessage>((done) => {
    get({ socketPath: socket, path: '/v1/events', agent: false }, done);
  });
  const before = process.memoryUsage();
  for (let n = 0; n < 200_000; n++) {
    happen();
    if (n % 100 === 0) await new Promise((done) => setImmediate(done)); // as the stream would be served
  }
  const after = process.memoryUsage();
  const grown = after.arrayBuffers + after.external - before.arrayBuffers - before.external;
  expect(grown).toBeLessThan(8 << 20);

  // Now it reads: what it gets and what it is told that it lost are all there was.
  const parser = new SseParser();
  let [got, lost] = [0, 0];
  response.setEncoding('utf8').on('data', (chunk: string) => {
    for (const { event, data } of parser.push(chunk)) {
      if (event === 'lost') lost += (JSON.parse(data) as { count: number }).count;
      else got += 1;
    }
  });
  await until('all is told', () => got + lost === 200_000);
  response.destroy();
  expect(lost).toBeGreaterThan(150_000);
});

test('a client that goes ends its subscription', async () => {
  const one = ask('/v1/events');
  await until('connected', () => api.events.followers === 1);
  one.destroy();
  await until('gone', () => api.events.followers === 0);
});

test('no more than 64 clients follow at once, and one more may when one has gone', async () => {
  const all = Array.from({ length: 64 }, () => ask('/v1/events'));
  await until('connected', () => api.events.followers === 64);
  await expect(take(1)).rejects.toMatchObject({ code: 'too_many_streams', status: 503 });
  all[7].destroy();
  await until('gone', () => api.events.followers === 63);
  const following = take(1);
  await until('connected', () => api.events.followers === 64);
  happen();
  expect(await following).toHaveLength(1);
});

test('a client learns that the daemon has gone', async () => {
  const following = take(1);
  await until('connected', () => api.events.followers === 1);
  await server.close();
  await expect(following).rejects.toMatchObject({ code: 'connection_lost' });
});

test('silence is interrupted by comments', async () => {
  const { body } = new EventStreams(api.events, 20).start({});
  const reader = body.getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await read()).toMatch(/^: /);
  expect(await read()).toBe(':\n\n');
  expect(await read()).toBe(':\n\n');
  const event = happen();
  expect(await read()).toBe(eventText(event));
  await reader.cancel();
  expect(api.events.followers).toBe(0);
});

test('a change tells who made it', async () => {
  await client.addPort('br0', 'vm1', { type: 'tap' });
  const [event] = await client.events({ type: 'configuration' });
  const { uid, username } = userInfo();
  expect(event).toMatchObject({
    by: { kind: 'client', pid: process.pid, uid, gid: 7, user: username },
    actions: [{ op: 'add', kind: 'port', path: 'bridges.br0.ports.vm1', ok: true }],
    total: 1,
    failed: 0,
  });
  expect(event.message).toMatch(/process \d+ `.+`, changed the configuration: add bridges\.br0\.ports\.vm1$/);
});

test('a change of a key tells which, and a client that nobody can tell is unknown', async () => {
  await client.setBridge('br0', { ageing_time: 7 });
  expect((await client.events())[0].message).toMatch(/configuration: set ageing_time of bridges\.br0$/);
  expect(authorOf({ _handle: { fd: 0 } }, () => undefined)).toBeUndefined();
  expect(authorOf({ _handle: null }, credentials)).toBeUndefined();
  expect(authorOf(undefined, credentials)).toBeUndefined();
});

test('an author of whom there is only a number has no names', () => {
  const nobody = { pid: 0, uid: 4_000_000_001, gid: 1 };
  expect(authorOf({ _handle: { fd: 9 } }, () => nobody)).toEqual({ kind: 'client', ...nobody });
});

test('a command line is cut, and cannot write to a terminal', async () => {
  const words = ['-e', 'setTimeout(() => {}, 20000)', '\u001b[31m\u202e\n', 'x'.repeat(1000)];
  const child = spawn(process.execPath, words, { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    const peer = { pid: child.pid ?? 0, uid: 0, gid: 0 };
    const author = authorOf({ _handle: { fd: 9 } }, () => peer) as { command: string };
    expect(author.command).toContain('-e setTimeout(() => {}, 20000) ?[31m?? xxx');
    expect(author.command.length).toBeLessThanOrEqual(256);
  } finally {
    child.kill('SIGKILL');
  }
});

describe('the reader of server-sent events', () => {
  const text = ': comment\n\nid: 7\nevent: port\ndata: {"a":1}\n\ndata: b\r\ndata: c\r\n\r\n:\n\n';
  const expected = [
    { id: '7', event: 'port', data: '{"a":1}' },
    { id: '7', event: 'message', data: 'b\nc' },
  ];

  test('takes text in pieces of any length', () => {
    for (let length = 1; length <= text.length; length++) {
      const parser = new SseParser();
      const got = [];
      for (let at = 0; at < text.length; at += length) got.push(...parser.push(text.slice(at, at + length)));
      expect(got).toEqual(expected);
    }
  });

  test('refuses a line without an end', () => {
    const parser = new SseParser();
    expect(() => {
      for (let n = 0; n < 2000; n++) parser.push('x'.repeat(1000));
    }).toThrow('without an end');
  });
});
