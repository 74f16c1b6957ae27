// Packets through security groups must not cost a garbage collection: neither those of connections that are known, nor those that begin
// one, end one, or are refused.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../support/engine/policy_steady_state.mjs', import.meta.url));

test('500000 packets through security groups: known, new, ended, refused, errors, fragments, IPv6', {
  timeout: 60_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', SCRIPT, '500000']);
  const { frames, collections, growth, share, drops } = JSON.parse(stdout);
  expect(frames).toBeGreaterThanOrEqual(500_000);
  // Otherwise it measured drops.
  expect(share).toBeGreaterThan(0.7);
  expect(Object.keys(drops)).toContain('policy_in');
  expect(collections).toBe(0);
  expect(growth).toBeLessThan(256 * 1024);
});
