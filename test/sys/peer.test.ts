import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { peerOf } from '../../src/sys/peer.ts';

test('the kernel says who is at the other end of a Unix socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  const path = join(directory, 's');
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  const client = connect(path);
  try {
    const socket = await new Promise((done) => server.once('connection', done));
    const { fd } = (socket as { _handle: { fd: number } })._handle;
    expect(peerOf(fd)).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  } finally {
    client.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  }
});

test('of anything else it says nothing', () => {
  const fd = openSync('/dev/null', 'r');
  expect(peerOf(fd)).toBeUndefined();
  closeSync(fd);
  expect(peerOf(-1)).toBeUndefined();
});
