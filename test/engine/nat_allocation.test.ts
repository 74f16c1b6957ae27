// Packets through NAT must not cost a garbage collection: neither those of connections that are known, nor those that begin one.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../support/engine/nat_steady_state.mjs', import.meta.url));

test('300000 packets through NAT: known, new, ended, refused, errors, hairpin', {
  timeout: 60_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', SCRIPT, '300000']);
  const { frames, collections, growth, share, drops } = JSON.parse(stdout);
  expect(frames).toBeGreaterThanOrEqual(300_000);
  // Otherwise it measured drops: of sixteen packets one is for nobody, and that is told.
  expect(share).toBeGreaterThan(0.9);
  expect(Object.keys(drops)).toContain('no_service');
  expect(collections).toBe(0);
  expect(growth).toBeLessThan(256 * 1024);
});
