// The library in a process without rights: what needs none works, the rest says what is missing, and the process is its own.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.ts';

needs('setpriv');

const SCRIPT = new URL('../support/nobody.mjs', import.meta.url).pathname;
const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];

test('memory ports and tunnels need no rights; a TAP says what it needs, and hurts nobody', async () => {
  const { stdout, stderr } = await promisify(execFile)('setpriv', [...NOBODY, process.execPath, SCRIPT], {
    timeout: 20_000,
  });
  expect(stderr).toBe('');
  const refused = { code: expect.any(String), message: expect.stringMatching(/EPERM.*CAP_NET_ADMIN/s) };
  expect(JSON.parse(stdout)).toEqual({
    refused: { tap: refused, tun: refused },
    forwarded: 1,
    ports: ['p1 up', 'vx up'],
    handlers: [],
  });
});
