// `npm run bench`: set-up, the peers that are written in C, then the benches. Arguments go to them:
// `npm run bench -- --help`. `npm run bench:setup` only installs the tools and peers that Debian has.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { main, needTools, ROOT, SetupError, setup } from './setup.mjs';

const PROGRAMS = [
  'peers/pump.c',
  'peers/packet_pump.c',
  'peers/vxlan_pump.c',
  'peers/tunnel_gso_pump.c',
  'traffic/load.c',
];

const TOOLS = ['ip', 'iperf3', 'taskset', 'sysctl', 'ethtool', 'ovs-vswitchd', 'vde_switch', 'dpdk-testpmd'];

await main(async () => {
  if (process.argv.includes('--setup')) {
    setup({ tools: TOOLS, purpose: 'The bench suite' });
    addProfiler();
    buildPrograms();
    process.stdout.write('Everything that the benches compare with is there: npm run bench\n');
    return;
  }
  if (process.argv.includes('--json')) setupAside();
  else setup();
  buildPrograms();
  // In this process, so that Ctrl-C reaches whoever has something to clean up.
  await import(join(ROOT, 'dist/bench/main.js'));
});

/** Set-up that says what it does on stderr: stdout is for the report. */
function setupAside() {
  const args = [join(ROOT, 'scripts/setup.mjs')];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['inherit', 2, 'inherit'] });
  if (status !== 0) throw new SetupError('The set-up failed.');
}

/** A kernel that is not the distribution's may have no perf of its version: then there is no profile, and nothing else lacks. */
function addProfiler() {
  try {
    needTools(['perf'], 'A profile of VXLAN');
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message} Without it there is no profile.\n`);
  }
}

/** Peers and traffic generators that are written in C. */
function buildPrograms() {
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  for (const source of PROGRAMS) {
    const args = ['-O3', '-Wall', '-Wextra', '-o', `build/${basename(source, '.c')}`, `bench/${source}`];
    const { status } = spawnSync('cc', args, { cwd: ROOT, stdio: 'inherit' });
    if (status !== 0) process.stderr.write(`bench/${source} did not compile, so it is left out.\n`);
  }
}
