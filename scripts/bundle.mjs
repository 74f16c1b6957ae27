// Puts what runs per frame into one module: the data plane, and the benches that time it.
//
// V8 loads an imported constant or function from memory, with a check, each time that it is used, and folds one of the
// same module into the machine code: 57 ns a frame in one module, 82 ns in a dozen (256 stations, Node 20). Tables of
// constants are folded here (fold_constants.mjs), single ones by rolldown. Everything else stays as tsc wrote it, so that
// tests reach every part.
// What the programs run is joined too, packages included: most of a start was finding and linking a thousand modules.
// Declarations name each other as .js, as tsc does not (microsoft/TypeScript#61037): editors look for the .ts that is not there.
// The web page's script is made here too: browsers want one file, and tsc has no say about their language.

import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { foldConstants } from './fold_constants.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRIES = [
  'src/worker/thread',
  'src/worker/data_plane',
  'src/trace/thread',
  'bench/measure_engine',
  'bench/measure_growth',
  'bench/measure_heap',
];

/** For src/source_positions.ts, which needs positions only. */
const MAPS = { sourcemap: 'hidden', sourcemapExcludeSources: true };

async function bundle(entry, options, output) {
  const made = await rolldown({ input: join(ROOT, `${entry}.ts`), ...options });
  await made.write({ file: join(ROOT, `dist/${entry}.js`), ...output });
  await made.close();
}

for (const entry of ENTRIES) {
  const options = {
    platform: 'node',
    optimization: { inlineConst: { mode: 'all', pass: 4 } },
    plugins: [foldConstants],
    // Packages stay packages; only our own modules are joined.
    external: (id) => !/^[./]/.test(id),
  };
  await bundle(entry, options, { format: 'esm', ...(entry.endsWith('/thread') ? MAPS : {}) });
}

/** The commands of package.json's `bin`, as deep as the other modules, so that what they find by import.meta.url is where it was. */
async function bundlePrograms() {
  const folder = join(ROOT, 'dist/src/programs');
  rmSync(folder, { recursive: true, force: true });
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const names = Object.values(bin).map((file) => basename(file, '.js'));
  const made = await rolldown({
    input: names.map((name) => join(ROOT, `src/cli/${name}.ts`)),
    platform: 'node',
    transform: { target: 'node20.4' },
    // They are compiled, and looked for by their names.
    external: [/^ffi-napi/, /^ref-napi/],
  });
  const { output } = await made.write({
    dir: folder,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    format: 'esm',
    comments: false,
    ...MAPS,
  });
  await made.close();
  writeFileSync(join(folder, 'LICENSES'), licences(output.flatMap((file) => file.moduleIds ?? [])));
}

/** Those of the packages that `modules` come from. */
function licences(modules) {
  const folders = modules.map((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(folders)]
    .filter((folder) => folder !== undefined && existsSync(join(folder, 'package.json')))
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name} ${version}: ${license}\n\n${file ? readFileSync(join(folder, file), 'utf8') : ''}`;
    })
    .join(`\n${'-'.repeat(80)}\n`);
}

await bundlePrograms();

for (const file of readdirSync(join(ROOT, 'dist/src'), { recursive: true })) {
  if (!file.endsWith('.d.ts')) continue;
  const path = join(ROOT, 'dist/src', file);
  const text = readFileSync(path, 'utf8');
  const named = text.replaceAll(/(from |import\(?)(['"])(\.{1,2}\/[^'"]+)\.ts\2/g, '$1$2$3.js$2');
  if (named !== text) writeFileSync(path, named);
}

// No module: Chromium asks for one with an `Origin`, which behind a proxy is the proxy's, and the daemon refuses strangers.
await bundle('src/web/page', { platform: 'browser' }, { format: 'iife' });
for (const file of ['index.html', 'style.css']) {
  copyFileSync(join(ROOT, 'src/web', file), join(ROOT, 'dist/src/web', file));
}
