// Examples that need no rights, as their readers run them: each ends by itself and has said what it should.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

async function run(name: string): Promise<string> {
  const path = fileURLToPath(new URL(`../../dist/examples/${name}.js`, import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [path], { timeout: 15_000 });
  expect(stderr).toBe('');
  return stdout;
}

test('hook.ts: a hook counts, refuses and reports', async () => {
  expect((await run('hook')).split('\n')).toEqual([
    expect.stringMatching(/count_hook.js of port left: 0x88b5: 2, 0x88b6: 3; refused 3$/),
    'right received 2 of 5',
    'dropped: { hook: 3 }',
    '',
  ]);
});

test('device.ts: two switches joined by a device of one’s own', async () => {
  expect(await run('device')).toBe('right received hello; 1 frame in a datagram\n');
});
