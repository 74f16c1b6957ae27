import { SWITCH_CPU } from '../cpus.ts';
import { type ContenderKind, connect, hostNamespaces, needTool } from './contender.ts';

/** Virtual Distributed Ethernet. The switch holds the TAPs itself, which is faster than a vde_plug2tap for each. */
export const vdeTaps: ContenderKind = {
  name: 'VDE',
  async open(lab, { hosts }) {
    needTool('vde_switch');
    const namespaces = hostNamespaces(lab, 'vde', hosts);
    const netns = lab.netns('vde-sw');
    const names = namespaces.map((_, n) => `vd${n}`);
    const taps = names.flatMap((name) => ['-tap', name]);
    const socket = `${lab.folder()}/ctl`;
    const running = lab.start(['vde_switch', '-sock', socket, ...taps], { netns, cpus: SWITCH_CPU });
    await lab.deviceAppears(netns, names[names.length - 1]);
    for (const [n, name] of names.entries()) lab.ip(netns, `link set dev ${name} netns ${namespaces[n]}`);
    const devices = namespaces.map((host, n) => ({ netns: host, device: names[n] }));
    return { name: 'VDE', hosts: connect(lab, devices), processes: [running] };
  },
};
