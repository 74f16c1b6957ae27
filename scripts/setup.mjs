// Brings a clone into a runnable state: tools, npm packages, native library, TypeScript. Everything that `npm start`,
// `npm test` and `npm run bench` need, done only when its inputs changed, so that it costs nothing the second time.
//
// Plain JavaScript without dependencies: it runs before there are any. What was built from which sources is remembered
// in stamp files beside the results; a stamp is written only after success.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 4]; // Symbol.dispose

/** The Debian package of each tool; a name is added here, not at the place that uses it. */
const DEBIAN_PACKAGES = {
  cc: 'build-essential',
  'c++': 'build-essential',
  make: 'build-essential',
  python3: 'python3',
  ip: 'iproute2',
  ping: 'iputils-ping',
  traceroute: 'traceroute',
  tracepath: 'iputils-tracepath',
  mtr: 'mtr-tiny',
  iperf3: 'iperf3',
  tcpdump: 'tcpdump',
  ethtool: 'ethtool',
  brctl: 'bridge-utils',
  'ovs-vswitchd': 'openvswitch-switch',
  'dpdk-testpmd': 'dpdk-dev',
  vde_switch: 'vde-switch',
  taskset: 'util-linux',
  sysctl: 'procps',
  nft: 'nftables',
  iptables: 'iptables',
  scapy: 'python3-scapy',
  perf: 'linux-perf',
  curl: 'curl',
  lldpd: 'lldpd',
  tshark: 'tshark',
  zsh: 'zsh',
  fish: 'fish',
  man: 'man-db',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'dpkg-deb': 'dpkg',
  'dpkg-gencontrol': 'dpkg-dev',
  strip: 'binutils',
  lintian: 'lintian',
  setpriv: 'util-linux',
  'systemd-analyze': 'systemd',
  udhcpc: 'udhcpc',
  dhclient: 'isc-dhcp-client',
  dhcpcd: 'dhcpcd-base',
  dnsmasq: 'dnsmasq-base',
  dig: 'bind9-dnsutils',
  rdisc6: 'ndisc6',
};

/** What to type on systems that we do not install on by ourselves, for compiler, make and python3. */
const OTHER_SYSTEMS = [
  ['apt-get', 'sudo apt-get update && sudo apt-get install -y'],
  ['dnf', 'sudo dnf install -y gcc gcc-c++ make python3 iproute'],
  ['zypper', 'sudo zypper install -y gcc gcc-c++ make python3 iproute2'],
  ['pacman', 'sudo pacman -S --needed base-devel python iproute2'],
  ['apk', 'sudo apk add build-base linux-headers python3 iproute2'],
];

/** A failure that is explained in full by its message: print it without a stack and exit with 1. */
export class SetupError extends Error {}

function say(line) {
  process.stdout.write(`${line}\n`);
}

// /usr/sbin is not on every user's PATH, and `ip` and `tcpdump` live there.
const SEARCH_PATH = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

export function findTool(name) {
  return SEARCH_PATH.map((dir) => join(dir, name)).find((file) => existsSync(file));
}

function run(what, command, args, options = {}) {
  const started = performance.now();
  const result = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (result.error) throw new SetupError(`${what} failed: ${result.error.message}`);
  if (result.status !== 0) {
    throw new SetupError(
      `${what} failed (${command} ${args.join(' ')} ended with ${result.status ?? result.signal}).`,
    );
  }
  say(`${what}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Makes sure that the tools exist: installs them when root on Debian or Ubuntu, else says what to type. */
export function needTools(tools, purpose) {
  const missing = tools.filter((tool) => !findTool(tool));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => DEBIAN_PACKAGES[tool]))];
  const list = missing.join(', ');
  if (process.getuid?.() === 0 && findTool('apt-get')) {
    say(`${purpose} needs ${list}: installing ${packages.join(' ')} with apt-get, because you are root.`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get update', 'apt-get', ['update', '-qq'], { env });
    const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
    run('apt-get install', 'apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const still = missing.filter((tool) => !findTool(tool));
    if (still.length === 0) return;
    throw new SetupError(
      `${purpose} needs ${still.join(', ')}, and installing ${packages.join(' ')} did not bring it.`,
    );
  }
  const system = OTHER_SYSTEMS.find(([manager]) => findTool(manager));
  const command = system?.[0] === 'apt-get' ? `${system[1]} ${packages.join(' ')}` : system?.[1];
  throw new SetupError(`${purpose} needs ${list}.${command ? ` Install with: ${command}` : ''}`);
}

function* filesUnder(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    for (const entry of readdirSync(path).sort()) yield* filesUnder(join(path, entry));
  } else if (stat) {
    yield [relative(ROOT, path), stat];
  }
}

/** One line per input file. Sizes and times, not contents: reading everything would cost more than the rest together. */
function fingerprint(inputs) {
  const lines = [];
  for (const input of inputs) {
    for (const [name, stat] of filesUnder(join(ROOT, input)))
      lines.push(`${name} ${stat.size} ${stat.mtimeMs}`);
  }
  return lines.join('\n');
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs `build` unless `result` exists and was made from exactly these inputs. Says whether it ran. */
function buildOnce({ result, stamp, inputs, build }) {
  const now = fingerprint(inputs);
  const stampFile = join(ROOT, stamp);
  const before = readIfThere(stampFile);
  if (existsSync(join(ROOT, result)) && before === now) return false;
  const folder = dirname(stampFile);
  if (existsSync(folder) && !isWritable(folder)) {
    throw new SetupError(`${folder} must be built again, and belongs to another user: sudo rm -rf ${folder}`);
  }
  build(before, now);
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, now);
  return true;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new SetupError(
    `Taploom needs Node ${OLDEST_NODE.join('.')} or later; this is ${process.version}. ` +
      'Install a current one from https://nodejs.org or with your version manager, e.g. `nvm install 22`.',
  );
}

// ffi-napi and ref-napi are compiled at install; an npm that was told not to run scripts leaves them out.
const COMPILED_PACKAGES = [
  'node_modules/ffi-napi/build/Release/ffi_bindings.node',
  'node_modules/ref-napi/build/Release/binding.node',
];

/** Set while this script runs `npm ci`, whose `prepare` then has nothing to do. */
const UNDER_WAY = 'TAPLOOM_SETUP';

/** Node's headers, where they came with it: node-gyp would download them. */
function localHeaders() {
  if (process.env.npm_config_nodedir) return {};
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
}

function installPackages() {
  const lock = join(ROOT, 'package-lock.json');
  const stamp = join(ROOT, 'node_modules/.taploom-installed');
  const wanted = createHash('sha256').update(readFileSync(lock)).digest('hex');
  const complete = COMPILED_PACKAGES.every((file) => existsSync(join(ROOT, file)));
  if (complete && readIfThere(stamp) === wanted) return;

  // Somebody ran npm by hand: its own record is newer than the lock file, so there is nothing to do.
  const npmRecord = statSync(join(ROOT, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  const byHand = complete && !existsSync(stamp) && npmRecord && npmRecord.mtimeMs >= statSync(lock).mtimeMs;
  if (!byHand) {
    needTools(['python3', 'make', 'c++', 'cc'], 'Compiling ffi-napi and ref-napi');
    say('Installing npm packages (npm ci); two of them are compiled, which takes a while.');
    // `npm run` tells where npm is; PATH need not have it.
    const npm = process.env.npm_execpath;
    const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
    const env = { ...process.env, ...localHeaders(), [UNDER_WAY]: '1' };
    const install = (cwd) => {
      if (npm?.endsWith('.js')) run('npm ci', process.execPath, [npm, ...args], { cwd, env });
      else run('npm ci', 'npm', args, { cwd, env });
    };
    if (/\s/.test(ROOT)) installElsewhere(install);
    else install(ROOT);
    if (!COMPILED_PACKAGES.every((file) => existsSync(join(ROOT, file)))) {
      throw new SetupError(
        'npm did not run the install scripts of ffi-napi and ref-napi. Allow and build them with: ' +
          'npm rebuild ffi-napi ref-napi @2060.io/ref-napi --ignore-scripts=false',
      );
    }
  }
  writeFileSync(stamp, wanted);
}

/** node-gyp compiles nothing below a path with spaces: packages are installed in a folder without, and moved here. */
function installElsewhere(install) {
  const folder = mkdtempSync(join(tmpdir(), 'taploom-packages-'));
  try {
    if (/\s/.test(folder)) {
      throw new SetupError(
        `node-gyp compiles nothing below paths with spaces: not in ${ROOT}, and not in ${folder}.`,
      );
    }
    // Without scripts of our own: their files are here.
    const { scripts: _, ...manifest } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    copyFileSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'));
    install(folder);
    const modules = join(ROOT, 'node_modules');
    rmSync(modules, { recursive: true, force: true });
    cpSync(join(folder, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function buildNative() {
  buildOnce({
    result: 'build/libtaploom.so',
    stamp: 'build/.native-stamp',
    inputs: ['native'],
    build() {
      needTools(['cc', 'make'], 'Building the native library');
      run('Native library (make -C native)', 'make', ['-s', '-C', 'native']);
    },
  });
  buildOnce({
    result: 'build/traffic',
    stamp: 'build/.traffic-stamp',
    inputs: ['scripts/traffic.c'],
    build() {
      needTools(['cc'], 'Building the traffic generator');
      mkdirSync(join(ROOT, 'build'), { recursive: true });
      run('Traffic generator', 'cc', ['-O2', '-Wall', '-Wextra', '-o', 'build/traffic', 'scripts/traffic.c']);
    },
  });
}

function buildTypeScript() {
  buildOnce({
    result: 'dist/src/index.js',
    stamp: 'dist/.stamp',
    inputs: [
      'src',
      'bench',
      'examples',
      'scripts/bundle.mjs',
      'scripts/fold_constants.mjs',
      'tsconfig.json',
      'tsconfig.build.json',
      'package-lock.json',
    ],
    build(before, now) {
      // tsc leaves the output of a deleted source behind, and Node would still find it.
      const names = (text) => text.split('\n').map((line) => line.split(' ')[0]);
      const present = new Set(names(now));
      if (before && names(before).some((name) => !present.has(name))) {
        rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
      }
      // Without the outputs that it remembers, tsc would not write them again.
      if (!existsSync(join(ROOT, 'dist/src/index.js')))
        rmSync(join(ROOT, 'dist/.tsbuildinfo'), { force: true });
      run('TypeScript (tsc -p tsconfig.build.json)', process.execPath, [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        '-p',
        'tsconfig.build.json',
      ]);
      run('Data plane and programs in few modules (rolldown)', process.execPath, [
        join(ROOT, 'scripts/bundle.mjs'),
      ]);
    },
  });
}

function buildManPages() {
  buildOnce({
    result: 'man/taploom.1',
    stamp: 'dist/.man-stamp',
    inputs: ['dist/.stamp', 'scripts/man.mjs', 'package.json'],
    build() {
      run('Man pages (npm run man)', process.execPath, [join(ROOT, 'scripts/man.mjs')]);
    },
  });
}

/**
 * Does what is left to do and returns; throws `SetupError` with a message for the user.
 * `tools` are needed beyond the compiler, `purpose` says for what.
 */
export function setup({ tools = [], purpose = 'Taploom' } = {}) {
  checkNode();
  needTools(tools, purpose);
  installPackages();
  buildNative();
  buildTypeScript();
  buildManPages();
}

/** npm's `prepare`, after an installation: what is compiled from TypeScript, so that a package of it has it. */
function prepare() {
  if (process.env[UNDER_WAY]) return;
  // An installation without development dependencies is used as it is.
  if (!existsSync(join(ROOT, 'node_modules/rolldown'))) return;
  checkNode();
  buildTypeScript();
  buildManPages();
}

/** Runs a script's main function; a SetupError is the user's business and shows as one line. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** What the system tests run. `.ci/run` and `npm test` install these too. */
export const TEST_TOOLS = {
  tools: [
    ...['ip', 'ping', 'iperf3', 'tcpdump', 'ethtool', 'brctl', 'ovs-vswitchd', 'scapy', 'curl'],
    ...['nft', 'iptables', 'lldpd', 'tshark', 'zsh', 'fish', 'man', 'prometheus', 'promtool', 'lintian'],
    ...['systemd-analyze', 'udhcpc', 'dhclient', 'dhcpcd', 'dnsmasq', 'dig', 'rdisc6', 'mtr', 'dpdk-testpmd'],
  ],
  purpose: 'The test suite',
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => {
    if (process.argv.includes('--prepare')) return prepare();
    setup(process.argv.includes('--test-tools') ? TEST_TOOLS : {});
    say('Built: node dist/src/programs/taploomd.js --help');
  });
}
