// Two VTEPs, each in a namespace of its own, joined by a veth pair, with one host behind each:
//
//   host a --- [ VTEP 192.0.2.1  und0 ] --- veth --- [ und0  VTEP 192.0.2.2 ] --- host b

import { SWITCH_CPU } from '../cpus.ts';
import type { Lab } from '../lab.ts';
import { netnsPath } from '../lab.ts';
import type { Process } from '../process.ts';
import { built, type Contender, type ContenderKind, connect, hostNamespaces } from './contender.ts';
import { OpenVSwitch } from './open_vswitch.ts';
import { TAPLOOM, type TaploomOptions, TaploomProcess } from './taploom.ts';

const VNI = 42;
/** RFC 7348 on IPv4 takes 50 bytes of the underlay's 1,500. */
const MTU = 1450;

interface Vtep {
  outer: string;
  inner: string;
  local: string;
  remote: string;
}

/** Both sides, without anything between host and VTEP yet. */
function vteps(lab: Lab, label: string): Vtep[] {
  const inner = hostNamespaces(lab, label);
  const outer = inner.map((_, n) => lab.netns(`${label}-v${n}`));
  lab.veth(outer[0], 'und0', outer[1], 'und0');
  return outer.map((netns, n) => {
    const [local, remote] = n === 0 ? ['192.0.2.1', '192.0.2.2'] : ['192.0.2.2', '192.0.2.1'];
    return { outer: netns, inner: inner[n], local, remote };
  });
}

function address(lab: Lab, { outer, local }: Vtep, device = 'und0'): void {
  lab.ip(outer, `addr add ${local}/24 dev ${device}`, `link set dev ${device} up`);
}

export const taploomVxlan: ContenderKind = { name: TAPLOOM, open: (lab) => openTaplooms(lab, 'tlx') };

export function taploomVxlanWith(name: string, options: TaploomOptions): ContenderKind {
  return { name, open: async (lab) => ({ ...(await openTaplooms(lab, `tlx-${name}`, options)), name }) };
}

export async function openTaplooms(
  lab: Lab,
  label: string,
  options: TaploomOptions = {},
): Promise<Contender> {
  const sides = vteps(lab, label);
  const running: TaploomProcess[] = [];
  for (const side of sides) {
    const { outer, inner, local, remote } = side;
    address(lab, side);
    const ports = {
      tl0: { type: 'tap' as const, netns: inner },
      vx0: { type: 'vxlan' as const, vni: VNI, local, remotes: [remote] },
    };
    const config = { version: 1 as const, bridges: { tlbench: { local: false as const, ports } } };
    running.push(await TaploomProcess.start(lab, config, { ...options, netns: outer }));
  }
  const devices = sides.map(({ inner }) => ({ netns: inner, device: 'tl0' }));
  return {
    name: TAPLOOM,
    hosts: connect(lab, devices, MTU),
    processes: running.map((one) => one.process),
    async drops() {
      const all = await Promise.all(running.map((one) => one.drops()));
      return all.reduce((sum, drops) => {
        for (const [reason, count] of Object.entries(drops)) sum[reason] = (sum[reason] ?? 0) + count;
        return sum;
      }, {});
    },
  };
}

/**
 * VTEPs behind TAPs have addresses of their own, and the kernel forwards between TAP and underlay. Before `routeToTap` the
 * TAP must be there.
 */
const BEHIND_TAPS = ['198.51.100.1', '198.51.100.2'];

function addressesBehindTaps(n: number): [here: string, there: string] {
  return [BEHIND_TAPS[n], BEHIND_TAPS[1 - n]];
}

function routeToTap(lab: Lab, { outer, remote }: Vtep, n: number): void {
  const [here, there] = addressesBehindTaps(n);
  lab.run(outer, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  lab.ip(
    outer,
    'link set dev up0 up',
    `route add ${here}/32 dev up0`,
    `neigh add ${here} lladdr 02:00:00:00:00:00 dev up0 nud permanent`,
    `route add ${there}/32 via ${remote}`,
  );
}

/** The experiment of docs/configuration.md: the same without sockets. */
export const taploomUnderlayTap: ContenderKind = {
  name: 'Taploom, TAP underlay',
  async open(lab) {
    const sides = vteps(lab, 'tlu');
    const running: TaploomProcess[] = [];
    for (const [n, side] of sides.entries()) {
      const { outer, inner } = side;
      const [local, there] = addressesBehindTaps(n);
      address(lab, side);
      const tunnel = { local, remotes: [there], udp_checksum: false, underlay_tap: 'up0' };
      const ports = {
        tl0: { type: 'tap' as const, netns: inner },
        vx0: { type: 'vxlan' as const, vni: VNI, ...tunnel },
      };
      const config = { version: 1 as const, bridges: { tlbench: { local: false as const, ports } } };
      running.push(await TaploomProcess.start(lab, config, { netns: outer }));
      routeToTap(lab, side, n);
    }
    const devices = sides.map(({ inner }) => ({ netns: inner, device: 'tl0' }));
    const processes = running.map((one) => one.process);
    return { name: 'Taploom, TAP underlay', hosts: connect(lab, devices, MTU), processes };
  },
};

/** peers/vxlan_pump.c */
export const vxlanPump: ContenderKind = {
  name: 'C VXLAN pump',
  async open(lab) {
    const program = built('vxlan_pump');
    const sides = vteps(lab, 'pumpx');
    const processes = sides.map((side) => {
      const { outer, inner, local, remote } = side;
      address(lab, side);
      const command = [program, netnsPath(inner), 'pm0', local, remote, String(VNI)];
      return lab.start(command, { netns: outer, cpus: SWITCH_CPU });
    });
    for (const pump of processes) await pump.waitFor(/^ready/m);
    const devices = sides.map(({ inner }) => ({ netns: inner, device: 'pm0' }));
    return { name: 'C VXLAN pump', hosts: connect(lab, devices, MTU), processes };
  },
};

/** peers/tunnel_gso_pump.c */
export const tunnelGsoPump: ContenderKind = {
  name: 'C tunnel GSO pump',
  async open(lab) {
    const program = built('tunnel_gso_pump');
    const sides = vteps(lab, 'tunnelx');
    const processes: Process[] = [];
    for (const [n, side] of sides.entries()) {
      const { outer, inner } = side;
      const [here, there] = addressesBehindTaps(n);
      address(lab, side);
      const command = [program, netnsPath(inner), 'pm0', 'up0', here, there, String(VNI)];
      const pump = lab.start(command, { netns: outer, cpus: SWITCH_CPU });
      await pump.waitFor(/^ready/m);
      routeToTap(lab, side, n);
      processes.push(pump);
    }
    const devices = sides.map(({ inner }) => ({ netns: inner, device: 'pm0' }));
    return { name: 'C tunnel GSO pump', hosts: connect(lab, devices, MTU), processes };
  },
};

/** Linux' VXLAN device in Linux' bridge, the host behind a veth pair. */
export const kernelVxlan: ContenderKind = {
  name: 'kernel VXLAN',
  async open(lab) {
    const sides = vteps(lab, 'kernelx');
    const devices = sides.map((side) => {
      const { outer, inner, local, remote } = side;
      address(lab, side);
      lab.veth(outer, 'p0', inner, 'eth0');
      lab.ip(
        outer,
        `link add vxl0 type vxlan id ${VNI} dstport 4789 local ${local} remote ${remote} dev und0`,
        'link add name kbr0 type bridge',
        `link set dev vxl0 mtu ${MTU} master kbr0 up`,
        `link set dev p0 mtu ${MTU} master kbr0`,
        'link set dev kbr0 up',
      );
      return { netns: inner, device: 'eth0' };
    });
    return { name: 'kernel VXLAN', hosts: connect(lab, devices, MTU), processes: [] };
  },
};

/** Open vSwitch finds the remote through the address of its own bridge over the underlay. */
export const ovsVxlan: ContenderKind = {
  name: 'OVS VXLAN as installed',
  async open(lab) {
    const sides = vteps(lab, 'ovsx');
    const running: OpenVSwitch[] = [];
    for (const side of sides) {
      const { outer, inner, remote } = side;
      const ovs = await OpenVSwitch.start(lab, outer, { tso: false });
      ovs.addBridge('phy');
      ovs.vsctl('add-port', 'phy', 'und0');
      address(lab, side, 'phy');
      ovs.addBridge('int');
      ovs.addTap(lab, 'int', 'ov0', inner);
      const options = [`options:remote_ip=${remote}`, `options:key=${VNI}`];
      ovs.vsctl('add-port', 'int', 'vx0', '--', 'set', 'interface', 'vx0', 'type=vxlan', ...options);
      running.push(ovs);
    }
    const devices = sides.map(({ inner }) => ({ netns: inner, device: 'ov0' }));
    return {
      name: 'OVS VXLAN as installed',
      hosts: connect(lab, devices, MTU),
      processes: running.map((one) => one.daemon),
    };
  },
};
