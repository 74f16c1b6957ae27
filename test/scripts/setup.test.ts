import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Stands for npm: makes what compiling would, and notes where. */
const NPM = `import { mkdirSync, writeFileSync } from 'node:fs';
for (const file of ['ffi-napi/build/Release/ffi_bindings.node', 'ref-napi/build/Release/binding.node']) {
  mkdirSync('node_modules/' + file.replace(/[^/]*$/, ''), { recursive: true });
  writeFileSync('node_modules/' + file, '');
}
writeFileSync('node_modules/where', process.cwd());
`;

test('where the path has spaces, packages are installed elsewhere and moved, because node-gyp cannot', () => {
  const clone = mkdtempSync(join(tmpdir(), 'taploom with spaces-'));
  try {
    for (const file of ['package.json', 'package-lock.json', 'scripts/setup.mjs'])
      cpSync(join(ROOT, file), join(clone, file));
    const npm = join(clone, 'npm.js');
    writeFileSync(npm, NPM);
    // Nothing to compile of our own: it ends there.
    mkdirSync(join(clone, 'native'));
    spawnSync(process.execPath, ['scripts/setup.mjs'], {
      cwd: clone,
      env: { ...process.env, npm_execpath: npm },
    });
    expect(existsSync(join(clone, 'node_modules/ffi-napi/build/Release/ffi_bindings.node'))).toBe(true);
    const where = readFileSync(join(clone, 'node_modules/where'), 'utf8');
    expect(where).not.toMatch(/\s/);
    expect(existsSync(where)).toBe(false);
  } finally {
    rmSync(clone, { recursive: true });
  }
});
