// `npm run deb`: a Debian package of what is built, for the architecture that built it: build/taploom_VERSION_ARCH.deb.
// dpkg's own tools do it. debhelper would have to be told all the same, and wants a source tree in its shape.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { main, needTools, ROOT, SetupError, setup } from './setup.mjs';

const { name, version, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const DEBIAN = join(ROOT, 'packaging/debian');
const WORK = join(ROOT, 'build/deb');
const TREE = join(WORK, 'tree');
const HOME = join(TREE, 'usr/lib/taploom');
const PROGRAMS = Object.keys(bin);
const BRIDGE_HELPER = 'taploom-bridge-helper';

/** Of a package only what runs, and its licence. */
const RUNS = new Set(['.js', '.cjs', '.mjs', '.json', '.node']);
const NOT_RUN = /^(test|docs|tools|bench(marks?)?|examples?|browser|build.Release.obj\.target)$/;

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (error) throw new SetupError(`${command} failed: ${error.message}`);
  if (status !== 0) throw new SetupError(`${command} ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

function put(path, content) {
  const file = join(TREE, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function copy(from, path) {
  put(path, readFileSync(join(ROOT, from)));
}

function link(path, target) {
  mkdirSync(dirname(join(TREE, path)), { recursive: true });
  symlinkSync(target, join(TREE, path));
}

function program() {
  for (const folder of ['dist/src', 'completion', 'build/libtaploom.so', 'package.json']) {
    // dist/src/programs has these two in it.
    const filter = (path) => !/\.(d\.ts|tsbuildinfo)$|dist\/src\/(cli|control)$/.test(path);
    cpSync(join(ROOT, folder), join(HOME, folder), { recursive: true, filter });
  }
  // Where QEMU is told to look for it.
  cpSync(join(ROOT, 'build', BRIDGE_HELPER), join(HOME, BRIDGE_HELPER));
  for (const [command, file] of Object.entries(bin)) {
    const path = join(HOME, file);
    // Debian's node, whatever stands on somebody's PATH.
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^#!.*/, '#!/usr/bin/node'));
    chmodSync(path, 0o755);
    link(`usr/${command === 'taploom' ? 'bin' : 'sbin'}/${command}`, `../lib/taploom/${file}`);
  }
}

/** Those that package-lock.json does not call `dev`. Returns their names and licences. */
function modules() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const needed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
  for (const [path] of needed) {
    const filter = (from) => {
      if (from === join(ROOT, path)) return true;
      const inside = relative(join(ROOT, path), from);
      const file = basename(from);
      if (statSync(from).isDirectory()) return !/^(\..*|node_modules)$/.test(file) && !NOT_RUN.test(inside);
      return RUNS.has(extname(file)) || /^licen[cs]e/i.test(file);
    };
    cpSync(join(ROOT, path), join(HOME, path), { recursive: true, dereference: true, filter });
  }
  return needed.map(([path, { license }]) => [path, license]);
}

function documents(licences) {
  for (const page of readdirSync(join(ROOT, 'man'))) {
    const path = `usr/share/man/man${extname(page).slice(1)}/${page}.gz`;
    put(path, gzipSync(readFileSync(join(ROOT, 'man', page)), { level: 9 }));
  }
  const doc = `usr/share/doc/${name}`;
  for (const file of readdirSync(join(ROOT, 'docs')).filter((file) => file.endsWith('.md')))
    copy(`docs/${file}`, `${doc}/${file}`);
  put(`${doc}/changelog.gz`, gzipSync(readFileSync(join(WORK, 'changelog')), { level: 9 }));
  put(`${doc}/NEWS.md`, readFileSync(join(ROOT, 'CHANGELOG.md')));
  const others = licences.map(([path, licence]) => ` ${path.replace(/^.*node_modules\//, '')}: ${licence}`);
  put(
    `${doc}/copyright`,
    `${readFileSync(join(DEBIAN, 'copyright'), 'utf8')}Files: usr/lib/taploom/node_modules/*\n` +
      `Copyright: their authors\nLicense: each-its-own\n The LICENSE file beside each package is its licence:\n${others.join('\n')}\n`,
  );
  copy('packaging/debian/lintian-overrides', `usr/share/lintian/overrides/${name}`);
}

function completions() {
  const script = (shell) => run(process.execPath, [join(ROOT, bin.taploom), 'completion', shell]);
  put('usr/share/bash-completion/completions/taploom', script('bash'));
  put('usr/share/zsh/vendor-completions/_taploom', script('zsh'));
  put('usr/share/fish/vendor_completions.d/taploom.fish', script('fish'));
  // bash and fish look for a file of the command's name.
  for (const other of PROGRAMS.filter((program) => program !== 'taploom')) {
    link(`usr/share/bash-completion/completions/${other}`, 'taploom');
    link(`usr/share/fish/vendor_completions.d/${other}.fish`, 'taploom.fish');
  }
}

/** Every file is its owner's to write, and to execute only if it is a script or a folder; without symbols where ELF. */
function tidy() {
  const elf = [];
  for (const entry of readdirSync(TREE, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (/\.(node|so)$/.test(entry.name) || entry.name === BRIDGE_HELPER) elf.push(path);
    const isProgram =
      entry.isDirectory() ||
      entry.name === BRIDGE_HELPER ||
      Object.values(bin).some((file) => path === join(HOME, file));
    chmodSync(path, isProgram ? 0o755 : 0o644);
  }
  run('strip', ['--strip-unneeded', ...elf]);
  return elf;
}

function control(elf) {
  mkdirSync(join(TREE, 'DEBIAN'), { mode: 0o755 });
  for (const script of ['postinst', 'prerm', 'postrm', 'conffiles']) {
    copyFileSync(join(DEBIAN, script), join(TREE, 'DEBIAN', script));
    chmodSync(join(TREE, 'DEBIAN', script), script === 'conffiles' ? 0o644 : 0o755);
  }
  // Both tools read debian/control in the current folder.
  const cwd = { cwd: dirname(DEBIAN) };
  const substvars = run('dpkg-shlibdeps', ['-O', ...elf.map((file) => `-e${file}`)], cwd);
  writeFileSync(join(WORK, 'substvars'), substvars);
  run('dpkg-gencontrol', [`-l${WORK}/changelog`, `-T${WORK}/substvars`, `-P${TREE}`, `-f${WORK}/files`], cwd);
}

function changelog() {
  const seconds = process.env.SOURCE_DATE_EPOCH;
  const date = (seconds ? new Date(Number(seconds) * 1000) : new Date())
    .toUTCString()
    .replace('GMT', '+0000');
  const [, maintainer] = /^Maintainer: (.*)$/m.exec(readFileSync(join(DEBIAN, 'control'), 'utf8'));
  return `${name} (${version}) unstable; urgency=medium\n\n  * See NEWS.md.\n\n -- ${maintainer}  ${date}\n`;
}

/** Returns the file. */
export function buildDeb() {
  needTools(['dpkg-deb', 'dpkg-gencontrol', 'strip'], 'Making a Debian package');
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
  writeFileSync(join(WORK, 'changelog'), changelog());
  program();
  documents(modules());
  completions();
  copy('docs/taploom.service', 'usr/lib/systemd/system/taploom.service');
  copy('packaging/debian/taploom.yaml', 'etc/taploom/taploom.yaml');
  control(tidy());
  const architecture = run('dpkg', ['--print-architecture']).trim();
  const file = join(ROOT, `build/${name}_${version}_${architecture}.deb`);
  run('dpkg-deb', ['--build', '--root-owner-group', TREE, file]);
  return file;
}

await main(() => {
  setup();
  process.stdout.write(`${buildDeb()}\n`);
});
