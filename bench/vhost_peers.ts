// A switch between the rings of two guests, in a process and on a CPU of its own, beside other back ends of vhost-user. The
// same driver asks all of them, in turn.

import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { explain, type Sample } from './arena.ts';
import { type Bench, Skip } from './bench.ts';
import { compare } from './compare.ts';
import { needTool } from './contenders/contender.ts';
import { OpenVSwitch } from './contenders/open_vswitch.ts';
import { TAPLOOM, TaploomProcess } from './contenders/taploom.ts';
import { SENDER_CPUS, SWITCH_CPU } from './cpus.ts';
import { Lab } from './lab.ts';
import type { Process } from './process.ts';

const TESTPMD = 'DPDK testpmd';
const OVS_WITH_DPDK = 'Open vSwitch with DPDK';
const OVS_DPDK = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';
/** What it takes for itself and its buffers, in pages of 2 MB, with some to spare. */
const OVS_MB = 256;
const OVS_PAGES = 160;
const READY_MS = 30_000;
const SETUP_S = 6;

type Paths = readonly [string, string];

interface Peer {
  name: string;
  /** What is told before its turn and after: those that poll would disturb the others. */
  open(lab: Lab, paths: Paths): Promise<{ start?(): void; stop?(): void }>;
}

const PEERS: readonly Peer[] = [
  {
    name: TAPLOOM,
    async open(lab, paths) {
      const ports = Object.fromEntries(
        paths.map((path, n) => [`vm${n}`, { type: 'vhost_user' as const, path }]),
      );
      await TaploomProcess.start(lab, { version: 1, bridges: { tlpeers: { local: false, ports } } });
      return {};
    },
  },
  {
    name: TESTPMD,
    async open(lab, paths) {
      needTool('dpdk-testpmd');
      const devices = paths.map((path, n) => `--vdev=net_vhost${n},iface=${path}`);
      const own = ['--no-huge', '-m', '256', '--no-pci', '--no-shconf', '--no-telemetry'];
      const cores = ['--lcores', `0@0,1@${SWITCH_CPU}`];
      const forwarding = ['--', '-i', '--total-num-mbufs=4096', '--forward-mode=io'];
      const program = lab.start(['dpdk-testpmd', ...own, ...cores, ...devices, ...forwarding]);
      await program.waitFor(/testpmd> /, READY_MS);
      const say = (word: string) => program.child.stdin?.write(`${word}\n`);
      // Its rings are set up by whoever forwards.
      say('start');
      return { start: () => say('start'), stop: () => say('stop') };
    },
  },
  {
    name: OVS_WITH_DPDK,
    async open(lab, paths) {
      if (!existsSync(OVS_DPDK)) throw new Skip('openvswitch-switch-dpdk is not installed.');
      if (freeHugePages() < OVS_PAGES)
        throw new Skip(
          `it takes ${OVS_PAGES} huge pages: \`sysctl vm.nr_hugepages=${OVS_PAGES}\` sets them aside.`,
        );
      const settings = {
        'dpdk-init': 'true',
        'dpdk-extra': '--in-memory --no-pci --no-telemetry',
        'dpdk-socket-mem': String(OVS_MB),
        // Else buffers take all that there is, and at times nothing is left for a guest's rings.
        'per-port-memory': 'true',
        'pmd-cpu-mask': (1 << Number(SWITCH_CPU)).toString(16),
      };
      const ovs = await OpenVSwitch.start(lab, lab.netns('ovs-dpdk'), {
        tso: false,
        dpdk: { program: OVS_DPDK, settings },
      });
      ovs.addBridge('br0');
      for (const [n, path] of paths.entries()) {
        ovs.vsctl('add-port', 'br0', `vm${n}`, '--', 'set', 'interface', `vm${n}`, 'type=dpdkvhostuser');
        symlinkSync(`${ovs.folder}/vm${n}`, path);
      }
      const { child } = ovs.daemon;
      return { start: () => void child.kill('SIGCONT'), stop: () => void child.kill('SIGSTOP') };
    },
  },
];

export const vhostPeers: Bench = {
  name: 'vhost-peers',
  question: "How many small frames a second pass from one guest's ring to another's, beside DPDK?",
  duration: ({ rounds, seconds }) => PEERS.length * (SETUP_S + rounds * (seconds + 0.3)),
  async run({ rounds, seconds, peers, say }) {
    needTool('setpriv', 'taskset');
    const lab = new Lab();
    try {
      const notes: string[] = [];
      const samples = new Map<string, Sample[]>();
      const drivers = new Map<string, { driver: Process; start?(): void; stop?(): void }>();
      for (const { name, open } of PEERS) {
        if (name !== TAPLOOM && peers.length > 0 && !peers.some((one) => name.toLowerCase().includes(one)))
          continue;
        try {
          const folder = lab.folder();
          const paths = [`${folder}/a`, `${folder}/b`] as const;
          const peer = await open(lab, paths);
          drivers.set(name, { driver: await driverOf(lab, paths, seconds), ...peer });
          peer.stop?.();
        } catch (error) {
          if (name === TAPLOOM) throw error;
          notes.push(`${name} is left out: ${explain(error)}`);
        }
      }
      for (let round = 0; round < rounds; round++) {
        say(`rings of two guests: round ${round + 1} of ${rounds}`);
        for (const [name, { driver, start, stop }] of drivers) {
          start?.();
          const value = await turn(driver, seconds);
          stop?.();
          samples.set(name, [...(samples.get(name) ?? []), sampleOf(value)]);
        }
      }
      const rates = {
        name: 'vhost-peers',
        what: "64-byte frames from one guest's ring to another's",
        unit: 'frames/s',
        better: 'more' as const,
        metric: ({ values }: Sample) => values.rate,
        expected: { [TESTPMD]: undefined, [OVS_WITH_DPDK]: undefined },
      };
      return { notes, ...compare({ samples, failed: new Map() }, rates) };
    } finally {
      lab.close();
    }
  },
};

function freeHugePages(): number {
  return Number(/^HugePages_Free: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0);
}

async function driverOf(lab: Lab, paths: Paths, seconds: number): Promise<Process> {
  const program = fileURLToPath(new URL('./measure_ring_driver.js', import.meta.url));
  const command = [process.execPath, program, ...paths, String(seconds * 1000)];
  const driver = lab.start(command, { cpus: SENDER_CPUS });
  await driver.waitFor(/ready\n/, READY_MS);
  return driver;
}

async function turn(driver: Process, seconds: number): Promise<number> {
  driver.stdout = '';
  driver.child.stdin?.write('\n');
  return Number((await driver.waitFor(/^(\d\S*)\n/, READY_MS + 2000 * seconds))[1]);
}

function sampleOf(rate: number): Sample {
  const nothing = { cpuNs: 0, forwarded: 0, switchShare: 0, sent: 0, lostInQueue: 0, lostInSwitch: 0 };
  return { values: { rate }, ...nothing, drops: {} };
}
