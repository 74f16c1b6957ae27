import { expect, test } from 'vitest';
import { notify } from '../../src/sys/notify.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('python3');

const RECEIVER = `
import socket, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + path[1:] if path[0] == '@' else path)
s.settimeout(10)
print('bound', flush=True)
print(s.recv(4096).decode(), flush=True)
`;

test.each(['file', 'abstract'])('a state reaches the manager at its %s socket', async (kind) => {
  const lab = await openLab();
  const path = kind === 'file' ? `${lab.dir}/notify` : `@taploom-notify-${process.pid}`;
  const manager = lab.spawn(['python3', '-c', RECEIVER, path]);
  await manager.waitFor(/bound/);
  expect(notify('READY=1\nSTATUS=forwarding', path)).toBe(true);
  await manager.exited;
  expect(manager.stdout).toContain('READY=1\nSTATUS=forwarding');
});

test('without a manager nothing is sent, and a manager that is gone is an error', () => {
  expect(notify('READY=1', '')).toBe(false);
  expect(() => notify('READY=1', '/tmp/tl-no-such-socket')).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
  expect(() => notify('READY=1', 'relative')).toThrow(expect.objectContaining({ code: 'EAFNOSUPPORT' }));
});
