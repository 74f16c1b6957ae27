// The reference peer for our VXLAN port: a host with a kernel VXLAN device in a kernel bridge, and an inner host.
//
//   underlay --- [ outer namespace:  und0   vxl0 -- kbr0 -- p0 ] --- veth --- [ inner namespace: eth0 ]

import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';

export interface VxlanHost {
  outer: Netns;
  inner: Netns;
}

export interface VxlanHostOptions {
  label: string;
  vni: number;
  /** Address of this VTEP, without prefix; `und0` must exist in `outer` and carry it. */
  local: string;
  remotes: readonly string[];
  /** Addresses with prefix for the inner host's eth0. */
  addresses: readonly string[];
  mtu: number;
  /** Extra words for `ip link add ... type vxlan`. */
  options?: string;
}

export async function addKernelVxlan(lab: Lab, outer: Netns, host: VxlanHostOptions): Promise<VxlanHost> {
  const inner = await lab.netns(`${host.label}-inner`);
  await outer.ip(
    `link add name vxl0 type vxlan id ${host.vni} dstport 4789 local ${host.local} dev und0 ${host.options ?? ''}`,
    'link add name kbr0 type bridge',
    `link set dev vxl0 mtu ${host.mtu} master kbr0`,
    'link set dev vxl0 up',
    'link set dev kbr0 up',
  );
  for (const remote of host.remotes) {
    await outer.check(['bridge', 'fdb', 'append', '00:00:00:00:00:00', 'dev', 'vxl0', 'dst', remote]);
  }
  await lab.veth(outer, 'p0', inner, 'eth0');
  await outer.ip(`link set dev p0 mtu ${host.mtu} master kbr0`);
  await inner.ip(`link set dev eth0 mtu ${host.mtu}`);
  await inner.up('eth0', ...host.addresses);
  return { outer, inner };
}
