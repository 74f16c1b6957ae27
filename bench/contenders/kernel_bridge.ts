import { type ContenderKind, connect, hostNamespaces } from './contender.ts';

/** Linux' own bridge over veth: frames never leave the kernel and are never copied. */
export const kernelBridge: ContenderKind = {
  name: 'kernel bridge (veth)',
  async open(lab, { hosts }) {
    const middle = lab.netns('kernel-sw');
    lab.ip(middle, 'link add name kbr0 type bridge', 'link set dev kbr0 up');
    const namespaces = hostNamespaces(lab, 'kernel', hosts);
    const devices = namespaces.map((netns, n) => {
      lab.veth(middle, `p${n}`, netns, 'eth0');
      lab.ip(middle, `link set dev p${n} master kbr0`);
      return { netns, device: 'eth0' };
    });
    return { name: 'kernel bridge (veth)', hosts: connect(lab, devices), processes: [] };
  },
};
