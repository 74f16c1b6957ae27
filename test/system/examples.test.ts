// The examples of the library as an embedder would run them. `library_embed.test.ts` runs the first.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { framesIn } from '../../src/wire/pcap_file.ts';
import { runCommand } from '../support/process.ts';

const example = (name: string) => fileURLToPath(new URL(`../../dist/examples/${name}.js`, import.meta.url));

test('examples/simulation.ts heals its ring, says the same again, and writes what it says', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'taploom-example-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const run = (name: string) =>
    runCommand([process.execPath, example('simulation'), join(dir, name)], { timeoutMs: 30_000 });
  const [first, second] = [await run('a'), await run('b')];
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout.match(/^without link \d: \d\.\d{3} ms to bob and back$/gm)).toHaveLength(4);
  expect(second).toEqual(first);
  const capture = readFileSync(join(dir, 'a'));
  expect(readFileSync(join(dir, 'b')).equals(capture)).toBe(true);
  expect([...framesIn(capture, 'a')].length).toBeGreaterThan(100);
});
