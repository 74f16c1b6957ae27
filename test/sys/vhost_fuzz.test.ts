// The native code that walks guests' rings, with AddressSanitizer and against guests that write anything at any time. Longer:
// GUEST_SECONDS=3600 GUEST_SEED=2.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));
const FUZZ = fileURLToPath(new URL('../native/vhost_fuzz.c', import.meta.url));
const SECONDS = Number(process.env.GUEST_SECONDS ?? (process.env.CI ? 60 : 5));
const SEED = process.env.GUEST_SEED ?? '1';

test(
  'guests that write anything into their memory at any time reach no other memory',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'tlfuzz-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const program = join(dir, 'vhost_fuzz');
    const sources = readdirSync(NATIVE)
      .filter((file) => file.endsWith('.c'))
      .map((file) => join(NATIVE, file));
    const sanitize = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
    const flags = ['-g', '-O1', '-std=gnu11', '-D_GNU_SOURCE', '-pthread', ...sanitize];
    execFileSync('cc', [...flags, '-o', program, FUZZ, ...sources]);
    const told = execFileSync(program, [SEED, String(SECONDS)], { encoding: 'utf8' });
    expect(told).toMatch(/^\d+ calls, [1-9]\d* frames received, [1-9]\d* sent\n$/);
  },
  SECONDS * 1000 + 120_000,
);
