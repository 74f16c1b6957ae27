// A bridge's ports as the compiler sees them: only what forwarding depends on.

import { lldpMode } from '../config/lldp_mode.ts';
import { membersIn } from '../config/members.ts';
import { mirrorEnd } from '../config/mirrors.ts';
import type { BridgeConfig, VlanConfig } from '../config/schema.ts';
import { TRAP } from '../table/traps.ts';

/** A port as the compiler sees it; the bridge's local interface is one too, named like the bridge. */
export interface PortView {
  name: string;
  bridge: string;
  vlan: VlanConfig | undefined;
  hairpin: boolean;
  isolated: boolean;
  learning: boolean;
  flood: boolean;
  fdbLimit: number;
  /** Its own and the bridge's. */
  groupFwdMask: number;
  isTunnel: boolean;
  remotes: string[];
  /** The end of a mirror: no other frame comes in or leaves. */
  isMirrorEnd: boolean;
  /** Of an aggregate: it is in no VLAN itself. */
  isMember: boolean;
  /** Bits of traps.ts. */
  traps: number;
}

/** All ports of a bridge, the local interface first, members of aggregates last. */
export function portViews(name: string, bridge: BridgeConfig): PortView[] {
  const views: PortView[] = [];
  const plain = {
    hairpin: false,
    isolated: false,
    learning: true,
    flood: true,
    isTunnel: false,
    remotes: [],
    isMirrorEnd: false,
    isMember: false,
    traps: 0,
    groupFwdMask: bridge.group_fwd_mask,
  };
  if (bridge.local !== false) {
    views.push({ name, bridge: name, vlan: bridge.local.vlan, fdbLimit: bridge.fdb_limit, ...plain });
  }
  const ends = new Set(Object.values(bridge.mirrors).map((mirror) => mirrorEnd(name, mirror)));
  for (const [portName, port] of Object.entries(bridge.ports)) {
    views.push({
      name: portName,
      bridge: name,
      vlan: port.vlan,
      hairpin: port.hairpin,
      isolated: port.isolated,
      learning: port.learning,
      flood: port.flood,
      fdbLimit: port.fdb_limit ?? bridge.fdb_limit,
      groupFwdMask: port.group_fwd_mask | bridge.group_fwd_mask,
      isTunnel: port.type === 'vxlan',
      remotes: port.type === 'vxlan' ? port.remotes : [],
      traps: lldpMode(port, bridge) === 'off' ? 0 : 1 << TRAP.lldp,
      isMirrorEnd: ends.has(portName),
      isMember: false,
    });
  }
  for (const { name: memberName, member, config } of membersIn(bridge)) {
    const isLldp = lldpMode(member, bridge, config.group_fwd_mask) !== 'off';
    const traps = (isLldp ? 1 << TRAP.lldp : 0) | (config.lacp === 'off' ? 0 : 1 << TRAP.slow);
    const own = { name: memberName, bridge: name, vlan: undefined, fdbLimit: 0, isMember: true, traps };
    views.push({ ...plain, ...own, learning: false, flood: false });
  }
  return views;
}
