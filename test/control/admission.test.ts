import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limitClients } from '../../src/control/admission.ts';

/** Other tests run beside this one. */
const PATIENT = { timeout: 20_000 };
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
let directory: string;
let server: Server;
const clients: Socket[] = [];
let requests = 0;
const order: string[] = [];
let release = () => {};
/** Of the clients that have not been accepted yet, in the order in which they connect. */
const programs: number[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tladm-'));
  requests = 0;
  order.length = 0;
  programs.length = 0;
  await start(8);
});

async function start(max: number): Promise<void> {
  const held = new Promise<void>((done) => {
    release = done;
  });
  server = createServer((request, response) => {
    requests++;
    order.push(request.url ?? '');
    if (request.url?.startsWith('/slow')) {
      const end = performance.now() + 10;
      while (performance.now() < end);
      response.end('slow');
    } else if (request.url === '/') response.end('hello');
    else void held.then(() => response.end('late'));
  });
  const numbers = new WeakMap<Socket, number>();
  limitClients(server, { max, name: 'this test', processOf: (socket) => numbers.get(socket) });
  server.prependListener('connection', (socket) => numbers.set(socket, programs.shift() ?? 0));
  await new Promise<void>((done) => server.listen(join(directory, 's'), done));
}

afterEach(() => {
  release();
  for (const client of clients.splice(0)) client.destroy();
  server.close();
  server.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
});

function client(text: string, program = 0) {
  programs.push(program);
  const socket = connect(join(directory, 's'));
  const one = { socket, text: '', isClosed: false };
  socket.setEncoding('utf8').on('data', (chunk) => {
    one.text += chunk;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    one.isClosed = true;
  });
  socket.write(text);
  clients.push(socket);
  return one;
}

test('the connection that is idle longest makes room', async () => {
  const all: ReturnType<typeof client>[] = [];
  for (let n = 0; n < 8; n++) {
    const one = client(GET);
    await expect.poll(() => one.text).toContain('hello');
    all.push(one);
  }
  const next = client(GET);
  await expect.poll(() => next.text).toContain('hello');
  await expect.poll(() => all.map(({ isClosed }) => isClosed)).toEqual([true, ...Array(7).fill(false)]);
});

test('where all are busy the next is refused with a sentence', async () => {
  for (let n = 0; n < 8; n++) client(GET.replace('/', '/late'));
  await expect.poll(() => requests).toBe(8);
  const next = client(GET);
  await expect
    .poll(() => next.text)
    .toContain('8 clients are connected to this test already: end one of them');
  expect(next.text).toMatch(/^HTTP\/1.1 503 /);
});

test('of pipelined requests the first is answered, and the connection ends', async () => {
  const one = client(GET.replace('/', '/late').repeat(100));
  await expect.poll(() => requests).toBe(1);
  release();
  await expect.poll(() => one.isClosed).toBe(true);
  expect(one.text.match(/late/g)).toHaveLength(1);
  expect(one.text.toLowerCase()).toContain('connection: close');
  expect(requests).toBe(1);
});

test('who asks once does not wait for all who ask for ever; those take turns', async () => {
  const readers = [...'abcdef'].map((name) => ({ one: client(GET), path: `/slow/${name}` }));
  await expect.poll(() => requests).toBe(6);
  for (const { one, path } of readers) {
    one.socket.on('data', () => one.socket.write(GET.replace('/', path)));
    one.socket.write(GET.replace('/', path));
  }
  await expect.poll(() => requests).toBeGreaterThan(18);
  for (const turn of [order.slice(6, 12), order.slice(12, 18)]) {
    expect(turn.sort()).toEqual(readers.map(({ path }) => path));
  }

  const before = order.length;
  client(GET.replace('/', '/late'));
  await expect.poll(() => order.indexOf('/late')).toBeGreaterThan(0);
  expect(order.indexOf('/late') - before).toBeLessThan(4);
});

test(
  'a program that connects anew for each list has no more turns than one that asks once',
  PATIENT,
  async () => {
    let isOver = false;
    const again = (name: string) => {
      const one = client(`GET /slow/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 1);
      one.socket.on('close', () => {
        if (!isOver) again(name);
      });
    };
    server.close();
    await start(64);
    for (let n = 0; n < 30; n++) again(String(n));
    await expect.poll(() => requests, PATIENT).toBeGreaterThan(40);
    const places: number[] = [];
    for (let n = 0; n < 10; n++) {
      const before = order.length;
      const one = client(GET.replace('/', `/ask/${n}`), 2);
      await expect.poll(() => order.indexOf(`/ask/${n}`), PATIENT).toBeGreaterThan(0);
      places.push(order.indexOf(`/ask/${n}`) - before);
      one.socket.destroy();
    }
    isOver = true;
    expect(Math.max(...places)).toBeLessThan(8);
  },
);

test(
  'where all are busy, what waits of the program with the most makes room for another program',
  PATIENT,
  async () => {
    const most = Array.from({ length: 8 }, () => client(GET, 1));
    await expect.poll(() => requests, PATIENT).toBe(8);
    for (const { socket } of most) socket.write(GET.replace('/', '/slow'));
    const other = client(GET, 2);
    await expect.poll(() => other.text, PATIENT).toContain('hello');
    await expect.poll(() => most.filter(({ text }) => text.includes('503 ')), PATIENT).toHaveLength(1);
    await expect.poll(() => most.filter(({ text }) => text.includes('slow')), PATIENT).toHaveLength(7);
  },
);
