// Hosts behind veth pairs at their defaults: super-frames and partial checksums come out of the other ends, which the
// switch attaches as it would any interface.

import { SWITCH_CPU } from '../cpus.ts';
import type { Lab } from '../lab.ts';
import { built, type ContenderKind, connect, type Host, hostNamespaces } from './contender.ts';
import { OpenVSwitch } from './open_vswitch.ts';
import { TAPLOOM, TaploomProcess } from './taploom.ts';

interface Veths {
  /** The far ends, p0 and p1, are in here. */
  middle: string;
  hosts: Host[];
}

function veths(lab: Lab, label: string): Veths {
  const middle = lab.netns(`${label}-sw`);
  const devices = hostNamespaces(lab, label).map((netns, n) => {
    lab.veth(middle, `p${n}`, netns, 'eth0');
    return { netns, device: 'eth0' };
  });
  return { middle, hosts: connect(lab, devices) };
}

export const taploomVeth: ContenderKind = {
  name: TAPLOOM,
  async open(lab) {
    const { middle, hosts } = veths(lab, 'tlv');
    const ports = { p0: { type: 'af_packet' }, p1: { type: 'af_packet' } };
    const config = { version: 1, bridges: { tlbench: { local: false, ports } } };
    const running = await TaploomProcess.start(lab, config as never, { netns: middle });
    return { name: TAPLOOM, hosts, processes: [running.process], drops: () => running.drops() };
  },
};

/** peers/packet_pump.c */
export const packetPump: ContenderKind = {
  name: 'C AF_PACKET pump',
  async open(lab) {
    const program = built('packet_pump');
    const { middle, hosts } = veths(lab, 'pumpv');
    const pump = lab.start([program, 'p0', 'p1'], { netns: middle, cpus: SWITCH_CPU });
    await pump.waitFor(/^ready/m);
    return { name: 'C AF_PACKET pump', hosts, processes: [pump] };
  },
};

function ovs(name: string, label: string, tso: boolean): ContenderKind {
  return {
    name,
    async open(lab) {
      const { middle, hosts } = veths(lab, label);
      const running = await OpenVSwitch.start(lab, middle, { tso });
      running.addBridge('br0');
      for (const port of ['p0', 'p1']) running.vsctl('add-port', 'br0', port);
      return { name, hosts, processes: [running.daemon] };
    },
  };
}

export const ovsVeth = ovs('OVS as installed', 'ovsv', false);
export const ovsTsoVeth = ovs('OVS with TSO', 'ovstsov', true);
