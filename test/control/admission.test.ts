import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limitClients } from '../../src/control/admission.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
let directory: string;
let server: Server;
const clients: Socket[] = [];
let requests = 0;
const order: string[] = [];
let release = () => {};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tladm-'));
  requests = 0;
  order.length = 0;
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
  limitClients(server, { max: 8, name: 'this test' });
  await new Promise<void>((done) => server.listen(join(directory, 's'), done));
});
afterEach(() => {
  release();
  for (const client of clients.splice(0)) client.destroy();
  server.close();
  server.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
});

function client(text: string) {
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
