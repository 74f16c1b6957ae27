// The library's example as an embedder would run it: it ends by itself, which it only does if the switch left no
// thread, timer or file descriptor behind.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs();

const EXAMPLE = fileURLToPath(new URL('../../dist/examples/embed.js', import.meta.url));

test('examples/embed.ts moves frames, reads counters, closes, and the process exits by itself', async () => {
  expect(existsSync(EXAMPLE)).toBe(true);
  const lab = await openLab();
  const netns = await lab.netns('embed');
  const { code, stdout, stderr } = await netns.run([process.execPath, EXAMPLE], { timeoutMs: 15_000 });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/\d/);
  expect(await netns.check(['ip', '-o', 'link'])).not.toMatch(/tap/i);
});
