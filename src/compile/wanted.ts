// What a configuration needs numbers for: bridges, ports, domains, remotes; and which VLANs each port carries.

import {
  bothWays,
  type PortVlans,
  type PrivateVlans,
  portVlans,
  privateVlans,
} from '../config/private_vlans.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { Parts } from '../parts.ts';
import { remoteName, type VidSet } from './names.ts';
import { type PortView, portViews, UNAWARE } from './port_view.ts';
import { type RouterPort, routerPorts } from './router_ports.ts';

export const VIDS = 4096;
/** Of a member of an aggregate, which is in the bridge only as that. */
const NO_VLANS = bothWays({ pvid: 0, tagged: [], untagged: [] });

/** A port, and which VLANs it carries. */
export interface Carrier {
  view: PortView;
  vlans: PortVlans;
}

export interface Wanted {
  bridges: Set<string>;
  ports: Set<string>;
  domains: Map<string, VidSet>;
  /** VLANs that share a domain. */
  privates: Map<string, PrivateVlans>;
  remotes: Set<string>;
  /** The ports by bridge. */
  carriers: Map<string, Carrier[]>;
  /** Interfaces of routers by bridge. */
  routed: Map<string, RouterPort[]>;
}

export function* wantedBy(config: SwitchConfig, machine?: string): Parts<Wanted> {
  const wanted: Wanted = {
    bridges: new Set(),
    ports: new Set(),
    domains: new Map(),
    privates: new Map(),
    remotes: new Set(),
    carriers: new Map(),
    routed: routerPorts(config, machine),
  };
  for (const [name, bridge] of Object.entries(config.bridges)) {
    const vids = new Uint8Array(bridge.vlan_filtering ? VIDS : 1);
    const carriers: Carrier[] = [];
    const privates = privateVlans(bridge);
    wanted.bridges.add(name);
    wanted.domains.set(name, vids);
    wanted.privates.set(name, privates);
    wanted.carriers.set(name, carriers);
    for (const view of portViews(name, bridge)) {
      const own = bridge.vlan_filtering ? portVlans(privates, view.vlan) : UNAWARE;
      const vlans = view.isMember ? NO_VLANS : own;
      carriers.push({ view, vlans });
      wanted.ports.add(view.name);
      for (const remote of view.remotes) wanted.remotes.add(remoteName(view.name, remote));
      for (const { from, to } of vlans.tagged) vids.fill(1, from, to + 1);
      for (const { from, to } of vlans.untagged) vids.fill(1, from, to + 1);
      yield;
    }
    for (const { port, vid } of wanted.routed.get(name) ?? []) {
      wanted.ports.add(port);
      vids[vid] = 1;
    }
    for (const [vid, { primary }] of privates) if (vid !== primary) vids[vid] = 0;
    for (const { port, remote } of bridge.static) {
      if (remote !== undefined) wanted.remotes.add(remoteName(port, remote));
    }
    for (const { to } of Object.values(bridge.mirrors)) {
      if (typeof to === 'object' && 'port' in to) wanted.remotes.add(remoteName(to.port, to.remote));
    }
  }
  return wanted;
}
