import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  closeFds,
  MAX_FDS,
  receiveRights,
  sendRights,
  unixAccept,
  unixConnect,
  unixListen,
  unixPair,
} from '../../src/sys/rights.ts';
import { closeFd } from '../../src/sys/wake.ts';

const room = Buffer.from(new ArrayBuffer(4096));
const hello = Buffer.from('hello');
let folder: string;
let left: number;
let right: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tlrights-'));
  [left, right] = unixPair();
});

afterEach(() => {
  closeFd(left);
  closeFd(right);
  rmSync(folder, { recursive: true });
});

test('a descriptor arrives as another number of the same open file', () => {
  const path = join(folder, 'file');
  const fd = openSync(path, 'w');
  expect(sendRights(left, hello, [fd])).toBe(5);
  closeSync(fd);
  const { length, fds, isCut } = receiveRights(right, room);
  expect({ length, count: fds.length, isCut }).toEqual({ length: 5, count: 1, isCut: false });
  writeSync(fds[0], 'through the other number');
  closeFds(fds);
  expect(readFileSync(path, 'utf8')).toBe('through the other number');
});

test('bytes before and after those with a descriptor come apart from it', () => {
  sendRights(left, hello);
  sendRights(left, hello, [right]);
  sendRights(left, hello);
  const parts = [receiveRights(right, room), receiveRights(right, room)];
  for (const { fds } of parts) closeFds(fds);
  // Linux ends a read behind descriptors, not before them.
  expect(parts.map(({ length, fds }) => [length, fds.length])).toEqual([
    [10, 1],
    [5, 0],
  ]);
});

test('as many as the kernel passes at once arrive, one more is refused', () => {
  const many = new Array<number>(MAX_FDS).fill(right);
  expect(sendRights(left, hello, [...many, right])).toBe(-22);
  expect(sendRights(left, hello, many)).toBe(5);
  const { fds, isCut } = receiveRights(right, room);
  closeFds(fds);
  expect([fds.length, isCut]).toEqual([MAX_FDS, false]);
});

test('nothing waits: no bytes is EAGAIN, a closed peer is 0, writing to it EPIPE', () => {
  expect(receiveRights(right, room).length).toBe(-11);
  const [a, b] = unixPair();
  closeFd(b);
  expect(receiveRights(a, room).length).toBe(0);
  expect(sendRights(a, hello)).toBe(-32);
  closeFd(a);
});

test('a listener, who connects to it, and what is said of wrong paths', () => {
  const path = join(folder, 's');
  expect(unixConnect(path)).toBe(-2);
  const listener = unixListen(path);
  expect(unixAccept(listener)).toBe(-11);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const client = unixConnect(path);
  const server = unixAccept(listener);
  expect(sendRights(client, hello)).toBe(5);
  expect(receiveRights(server, room).length).toBe(5);
  expect(() => unixListen(path)).toThrow(/EADDRINUSE/);
  expect(() => unixListen(`/${'x'.repeat(120)}`)).toThrow(/ENAMETOOLONG/);
  closeFds([client, server, listener]);
  expect(unixConnect(path)).toBe(-111);
});
