// Taploom in other people's projects: the tarball in an empty folder, by npm and pnpm, on several versions of Node, as a module
// and from CommonJS, and its types as their compilers resolve them. No native code: an inline switch needs none.

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';
import { check, runCommand } from '../support/process.ts';

needs('npm');

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The last one before require() of a module, and one of each that is maintained. */
const NODES = { v20: '20.18.3', v22: '22.23.5', v24: '24.22.3' };
type Version = keyof typeof NODES;
/** Bytes packed and unpacked, and files: a bound that an accident passes. */
const MOST = { size: 3_900_000, unpackedSize: 15_000_000, entryCount: 2000 };

const dir = mkdtempSync(join(tmpdir(), 'taploom-consumer-'));
const app = join(dir, 'app');
const tools = join(dir, 'tools/node_modules');
let packed: { filename: string; files: { path: string }[] } & typeof MOST;

function project(folder: string, more: object = {}): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, ...more }));
  return folder;
}

const node = (version: Version) => join(tools, `node-${version}/bin/node`);
const npm = (...args: string[]) => [
  'npm',
  'install',
  '--ignore-scripts',
  '--prefer-offline',
  '--no-audit',
  ...args,
];

beforeAll(async () => {
  const pack = ['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', dir];
  packed = JSON.parse(await check(pack, { cwd: ROOT, timeoutMs: 60_000 }))[0];
  const binaries = Object.entries(NODES).map(
    ([name, version]) => `node-${name}@npm:node-linux-${process.arch}@${version}`,
  );
  await check(npm(...binaries, 'pnpm@10.34.9'), { cwd: project(dirname(tools)), timeoutMs: 120_000 });
  await check(npm(join(dir, packed.filename)), { cwd: project(app), timeoutMs: 120_000 });
}, 300_000);

afterAll(() => rm(dir, { recursive: true, force: true }), 120_000);

const USES = `
  const main = async ({ Switch }, { Simulation }) => {
    const config = { version: 1, bridges: { br0: { local: false, ports: { p: { type: 'memory' } } } } };
    const one = await Switch.open(config, { threaded: false });
    const sim = new Simulation();
    console.log(one.ports().length, (await sim.switch('s', config)).ports()[0].name);
    await sim.close();
    await one.close();
  };
`;
const AS_MODULE = `${USES} main(await import('taploom'), await import('taploom/simulation'));`;
const AS_COMMONJS = `${USES} main(require('taploom'), require('taploom/simulation'));`;

const run = (version: Version, folder: string, name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return runCommand([node(version), name], { cwd: folder });
};

/** The modules that the commands are and load, sorted. */
function partsOfPrograms(installed: string): string[] {
  const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const parts = new Set<string>(Object.values(bin));
  for (const path of parts) {
    const text = readFileSync(join(installed, path), 'utf8');
    for (const [, name] of text.matchAll(/(?:from |import\(?) ?"\.\/([\w-]+\.js)"/g))
      parts.add(join(dirname(path), name));
  }
  return [...parts].sort();
}

test('the tarball has what is declared, nothing of tests and builds, and is small', async () => {
  for (const [key, most] of Object.entries(MOST)) expect(packed[key as 'size']).toBeLessThan(most);
  const folders = new Set(packed.files.map(({ path }) => path.split('/')[0]));
  expect([...folders].sort().join(' ')).toBe(
    'LICENSE README.md completion dist docs man native package.json',
  );
  const paths = packed.files.map(({ path }) => path);
  expect(paths.filter((path) => /\.(test\.\w+|tsbuildinfo|o|so|node)$/.test(path))).toEqual([]);
  // Maps are for stack traces of what is bundled.
  const bundled = paths.filter((path) =>
    /^dist\/src\/(programs\/[\w-]+|(worker|trace)\/thread)\.js$/.test(path),
  );
  const maps = paths.filter((path) => path.endsWith('.map')).map((path) => path.slice(0, -'.map'.length));
  expect(maps.filter((path) => !bundled.includes(path))).toEqual([]);
  // A file whose source is gone is from another build.
  const sources = new Set(readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }));
  const stray = paths.filter((path) => {
    const [, name] = /^dist\/src\/(.*?)(\.d\.ts|\.js)$/.exec(path) ?? [];
    return name !== undefined && !name.startsWith('programs/') && !sources.has(`${name}.ts`);
  });
  expect(stray).toEqual([]);
  const installed = join(app, 'node_modules/taploom');
  expect(bundled.filter((path) => path.includes('/programs/')).sort()).toEqual(partsOfPrograms(installed));
  // What a file names is there, also for tools that are not TypeScript: no map, no .ts.
  const named = paths.filter((path) => {
    if (!/^dist\/src\/.*\.(js|d\.ts)$/.test(path)) return false;
    const text = readFileSync(join(installed, path), 'utf8');
    return /sourceMappingURL|(?:from|import\(?) ?['"]\.[^'"]*\.ts['"]/.test(text);
  });
  expect(named).toEqual([]);
  const { messages } = await publint({
    pkgDir: join(app, 'node_modules/taploom'),
    pack: false,
    strict: true,
  });
  expect(messages).toEqual([]);
});

test.each(Object.keys(NODES) as Version[])('Node %s imports it', async (version) => {
  expect(await run(version, app, 'app.mjs', AS_MODULE)).toEqual({ code: 0, stdout: '1 p\n', stderr: '' });
});

test.each(['v22', 'v24'] as const)('Node %s requires it', async (version) => {
  expect(await run(version, app, 'app.cjs', AS_COMMONJS)).toEqual({ code: 0, stdout: '1 p\n', stderr: '' });
});

test('where Node cannot require it, Node says what helps', async () => {
  const { code, stderr } = await run('v20', app, 'app.cjs', AS_COMMONJS);
  expect(code).toBe(1);
  expect(stderr).toContain('dynamic import() which is available in all CommonJS modules');
});

test('pnpm, which hides what is not declared, installs it', { timeout: 120_000 }, async () => {
  const folder = project(join(dir, 'pnpm'));
  const env = { HOME: dir, XDG_DATA_HOME: join(dir, 'data'), CI: '1' };
  const pnpm = [process.execPath, join(tools, 'pnpm/bin/pnpm.cjs')];
  const add = [
    ...pnpm,
    'add',
    '--ignore-scripts',
    '--store-dir',
    join(dir, 'store'),
    join(dir, packed.filename),
  ];
  await check(add, { cwd: folder, env, timeoutMs: 100_000 });
  expect(await run('v22', folder, 'app.mjs', AS_MODULE)).toEqual({ code: 0, stdout: '1 p\n', stderr: '' });
});

test('files that are not exported cannot be imported', async () => {
  const { stderr } = await run('v24', app, 'deep.mjs', "import 'taploom/dist/src/switch/switch.js';");
  expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
});

test('a simulation gives the same bytes on every version of Node', { timeout: 120_000 }, async () => {
  copyFileSync(join(ROOT, 'dist/examples/simulation.js'), join(app, 'simulation.mjs'));
  const options = { cwd: app, env: { TZ: 'Asia/Tokyo' }, timeoutMs: 100_000 };
  const outputs = await Promise.all(
    (Object.keys(NODES) as Version[]).map((version) => check([node(version), 'simulation.mjs'], options)),
  );
  expect(outputs[0]).toMatch(/SHA-256 [0-9a-f]{64}$/m);
  expect(new Set(outputs).size).toBe(1);
});

describe('types', () => {
  const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const TYPES = join(ROOT, 'node_modules/@types');
  const compile = (file: string, text: string, module: string, resolution: string) => {
    writeFileSync(join(app, file), text);
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', '--typeRoots', TYPES];
    const how = ['--module', module, '--moduleResolution', resolution];
    return runCommand([process.execPath, TSC, ...options, ...how, file], { cwd: app, timeoutMs: 60_000 });
  };
  const TEXT = `
    import { Switch, type PortStatus, type SwitchConfigInput } from 'taploom';
    import { Simulation, type Recording } from 'taploom/simulation';
    const config: SwitchConfigInput = { version: 1, bridges: { br0: { ports: { a: { type: 'memory' } } } } };
    // @ts-expect-error: there is no such type of port
    const wrong: SwitchConfigInput = { version: 1, bridges: { br0: { ports: { a: { type: 'memry' } } } } };
    export async function main(): Promise<[PortStatus[], Recording, unknown]> {
      const taploom = await Switch.open(config, { threaded: false });
      taploom.on('event', (event) => console.log(event.seq));
      // @ts-expect-error: private
      taploom.plane;
      return [taploom.ports(), new Simulation({ seed: 1 }).recording(), wrong];
    }
  `;

  // All of its declarations are checked, too: `skipLibCheck` is off.
  test.each([
    ['app.mts', 'nodenext', 'nodenext'],
    ['app.cts', 'nodenext', 'nodenext'],
    ['app.mts', 'esnext', 'bundler'],
  ])('%s with module %s, moduleResolution %s', async (file, module, resolution) => {
    expect(await compile(file, TEXT, module, resolution)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('every entry of the exports map has its types beside it', () => {
    const { exports } = JSON.parse(readFileSync(join(app, 'node_modules/taploom/package.json'), 'utf8'));
    for (const [name, entry] of Object.entries<{ types: string; default: string }>(exports)) {
      if (name === './package.json') continue;
      expect(Object.keys(entry)).toEqual(['types', 'default']); // the first that matches counts
      expect(entry.types).toBe(entry.default.replace(/\.js$/, '.d.ts'));
    }
  });
});
