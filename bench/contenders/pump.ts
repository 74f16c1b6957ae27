import { SWITCH_CPU } from '../cpus.ts';
import { netnsPath } from '../lab.ts';
import { built, type ContenderKind, connect, hostNamespaces } from './contender.ts';

/** C that only copies, see peers/pump.c: what the system calls alone allow. */
export const pumpTaps: ContenderKind = {
  name: 'C pump',
  async open(lab, { hosts, offloads = true }) {
    const program = built('pump');
    const namespaces = hostNamespaces(lab, 'pump', hosts);
    const taps = namespaces.flatMap((netns, n) => [netnsPath(netns), `pm${n}`]);
    const pump = lab.start([program, offloads ? '1' : '0', ...taps], { cpus: SWITCH_CPU });
    await pump.waitFor(/^ready/m);
    const devices = namespaces.map((netns, n) => ({ netns, device: `pm${n}` }));
    return { name: 'C pump', hosts: connect(lab, devices), processes: [pump] };
  },
};
