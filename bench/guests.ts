// Two virtual machines on one network, without KVM: one sends TCP to the other. Machines of all contenders run side by side
// and idle while others have their turn.

import { explain, type Rounds, type Sample } from './arena.ts';
import { type Bench, type BenchOptions, Skip } from './bench.ts';
import { compare, join } from './compare.ts';
import { needTool } from './contenders/contender.ts';
import { TAPLOOM, TaploomProcess } from './contenders/taploom.ts';
import { SWITCH_CPU } from './cpus.ts';
import { Lab } from './lab.ts';
import { guestDisk, needGuests, QemuGuest } from './qemu_guest.ts';

const VHOST_USER = 'Taploom, vhost-user';
const KERNEL = 'QEMU TAP + kernel bridge';
/** Without super-frames and partial checksums, which QEMU's sockets cannot carry. */
const KERNEL_PLAIN = 'QEMU TAP without offloads + kernel bridge';
const WIRE = 'no switch: one QEMU listens, the other connects';
const SETUP_S = 25;
const TURN_S = 1.5;

/** What joins two guests: QEMU's `-netdev` of the first and the second. */
interface Wires {
  netdevs: readonly [string, string];
  /** Sockets of vhost-user. */
  vhostUser?: readonly [string, string];
  netns?: string;
  /** Once a guest is there. */
  plugged?(guest: number): void;
}

interface GuestNetworkKind {
  name: string;
  open(lab: Lab): Promise<Wires>;
}

/** By sockets of the switch. */
function taploom(
  name: string,
  port: (path: string, n: number) => object,
  netdev: (path: string, n: number) => string,
) {
  const open = async (lab: Lab): Promise<Wires> => {
    const folder = lab.folder();
    const path = (n: number) => `${folder}/vm${n}`;
    const ports = Object.fromEntries([0, 1].map((n) => [`vm${n}`, port(path(n), n)]));
    const bridges = { tlguests: { local: false, ports } };
    await TaploomProcess.start(lab, { version: 1, bridges } as Parameters<typeof TaploomProcess.start>[1]);
    return { netdevs: [netdev(path(0), 0), netdev(path(1), 1)] };
  };
  return { name, open };
}

/** By rings in the guests' memory. */
const vhostUser: GuestNetworkKind = {
  name: VHOST_USER,
  async open(lab) {
    const folder = lab.folder();
    const paths = [`${folder}/vm0`, `${folder}/vm1`] as const;
    const ports = Object.fromEntries(
      paths.map((path, n) => [`vm${n}`, { type: 'vhost_user' as const, path }]),
    );
    await TaploomProcess.start(lab, { version: 1, bridges: { tlrings: { local: false, ports } } });
    return { netdevs: ['vhost-user,chardev=char', 'vhost-user,chardev=char'], vhostUser: paths };
  },
};

/** By TAPs that QEMU makes, on the kernel's bridge. */
function kernelBridge(name: string, label: string, options: string): GuestNetworkKind {
  const open = async (lab: Lab): Promise<Wires> => {
    const netns = lab.netns(label);
    lab.ip(netns, 'link add name kbr0 type bridge', 'link set dev kbr0 up');
    const tap = (n: number) => `tap,ifname=t${n},script=no,downscript=no${options}`;
    const plugged = (n: number) => lab.ip(netns, `link set dev t${n} master kbr0 up`);
    return { netdevs: [tap(0), tap(1)], netns, plugged };
  };
  return { name, open };
}

const KINDS: readonly GuestNetworkKind[] = [
  vhostUser,
  taploom(
    TAPLOOM,
    (path) => ({ type: 'stream', path }),
    (path) => `stream,server=off,addr.type=unix,addr.path=${path}`,
  ),
  taploom(
    'Taploom, dgram',
    (path) => ({ type: 'dgram', path, remote: `${path}.qemu` }),
    (path) => `dgram,local.type=unix,local.path=${path}.qemu,remote.type=unix,remote.path=${path}`,
  ),
  kernelBridge(KERNEL, 'guests-kernel', ''),
  kernelBridge(KERNEL_PLAIN, 'guests-plain', ',vnet_hdr=off'),
  {
    name: WIRE,
    async open(lab) {
      const to = `addr.type=unix,addr.path=${lab.folder()}/wire`;
      return { netdevs: [`stream,server=on,${to}`, `stream,server=off,${to}`] };
    },
  },
  {
    name: 'VDE',
    async open(lab) {
      needTool('vde_switch');
      const socket = `${lab.folder()}/ctl`;
      lab.start(['vde_switch', '-sock', socket], { cpus: SWITCH_CPU });
      return { netdevs: [`vde,sock=${socket}`, `vde,sock=${socket}`] };
    },
  },
];

type Pair = readonly [QemuGuest, QemuGuest];

export const guests: Bench = {
  name: 'guests',
  question:
    'How fast is TCP between two virtual machines (no KVM), through sockets of QEMU and through TAPs?',
  duration: ({ rounds, seconds }) => KINDS.length * (SETUP_S + rounds * (seconds + TURN_S)),
  async run(options) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needGuests();
    const lab = new Lab();
    try {
      const { pairs, notes } = await bootAll(lab, options);
      const rounds = await alternate(pairs, options);
      const tcp = {
        name: 'guests-tcp',
        what: 'TCP between two guests by stream',
        unit: 'Mb/s',
        better: 'more' as const,
        metric: ({ values }: Sample) => values.mbps,
        expected: { [KERNEL]: 0.8, [KERNEL_PLAIN]: 0.8, [WIRE]: undefined },
      };
      const { results, unmeasured } = compare(asTaploom(VHOST_USER, rounds), {
        ...tcp,
        what: 'TCP between two guests by vhost-user',
        expected: { [KERNEL]: 1.2 },
      });
      return join([{ notes, results, unmeasured }, compare(rounds, tcp)]);
    } finally {
      lab.close();
    }
  },
};

/** The same rounds, as if this way were the only one of ours. */
function asTaploom(name: string, { samples, failed }: Rounds): Rounds {
  return { failed, samples: new Map(samples).set(TAPLOOM, samples.get(name) ?? []) };
}

async function bootAll(lab: Lab, { peers, say }: BenchOptions) {
  const disk = guestDisk(lab);
  const pairs = new Map<string, Pair>();
  const notes: string[] = [];
  const isWanted = ({ name }: GuestNetworkKind) =>
    name === TAPLOOM || peers.length === 0 || peers.some((peer) => name.toLowerCase().includes(peer));
  for (const kind of KINDS.filter(isWanted)) {
    try {
      say(`guests of ${kind.name} boot`);
      pairs.set(kind.name, await bootPair(lab, disk, await kind.open(lab)));
    } catch (error) {
      if (kind.name === TAPLOOM) throw error;
      notes.push(`${kind.name} is left out: ${explain(error)}`);
    }
  }
  return { pairs, notes };
}

/** One after the other: the kernel of a guest that gets no time in its first second gives up. */
async function bootPair(
  lab: Lab,
  disk: string,
  { netdevs, vhostUser, netns, plugged }: Wires,
): Promise<Pair> {
  const boot = async (n: 0 | 1) => {
    const address = `10.97.0.${n + 1}`;
    const guest = await QemuGuest.boot(lab, disk, {
      netdev: netdevs[n],
      vhostUser: vhostUser?.[n],
      netns,
      address,
    });
    plugged?.(n);
    return guest;
  };
  return [await boot(0), await boot(1)];
}

async function alternate(
  pairs: ReadonlyMap<string, Pair>,
  { rounds, seconds, say }: BenchOptions,
): Promise<Rounds> {
  const samples = new Map<string, Sample[]>();
  const failed = new Map<string, string>();
  for (const [name, [one, two]] of pairs) {
    try {
      await one.sendTcp(two, 1);
    } catch (error) {
      failed.set(name, explain(error));
    }
  }
  const fit = [...pairs].filter(([name]) => !failed.has(name));
  for (let round = 0; round < rounds; round++) {
    say(`TCP between guests: round ${round + 1} of ${rounds}`);
    for (let n = 0; n < fit.length; n++) {
      const [name, [one, two]] = fit[(n + round) % fit.length];
      const mbps = await one.sendTcp(two, seconds).catch(() => undefined);
      samples.set(name, [...(samples.get(name) ?? []), sampleOf(mbps)]);
    }
  }
  return { samples, failed };
}

function sampleOf(mbps: number | undefined): Sample {
  const values: Record<string, number> = mbps === undefined ? {} : { mbps };
  return {
    values,
    cpuNs: 0,
    forwarded: 0,
    switchShare: 0,
    sent: 0,
    lostInQueue: 0,
    lostInSwitch: 0,
    drops: {},
  };
}
