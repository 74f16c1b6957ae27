// A bridge's ports as the compiler sees them: only what forwarding depends on.

import { lldpMode } from '../config/lldp_mode.ts';
import { membersIn } from '../config/members.ts';
import { mirrorEnd } from '../config/mirrors.ts';
import { hostInterface, networkPlaces } from '../config/network_places.ts';
import { bothWays, primariesOf, privateVlans } from '../config/private_vlans.ts';
import { carriedProtocols } from '../config/protocol_tunnels.ts';
import type { BridgeConfig, VlanConfig } from '../config/schema.ts';
import { isStpOn } from '../config/stp.ts';
import { isProvider, type VlanProtocol } from '../config/vlan_protocol.ts';
import { GUARDED, GUESTS, TRAP } from '../table/traps.ts';
import { isGuests } from './network_bits.ts';

/** Group addresses that are a customer's business, IEEE 802.1Q table 8-2. Linux' BR_GROUPFWD_8021AD. */
const PROVIDER_GROUPS = 0xb801;

const NONE: ReadonlyMap<number, number> = new Map();
/** VLANs of every port of a VLAN-unaware bridge. */
export const UNAWARE = bothWays({ pvid: 0, tagged: [], untagged: [{ from: 0, to: 0 }] });

/** A port as the compiler sees it; the bridge's local interface is one too, named like the bridge. */
export interface PortView {
  name: string;
  bridge: string;
  vlan: VlanConfig | undefined;
  /** Of the bridge. */
  protocol: VlanProtocol;
  /** Of a promiscuous trunk: VLANs that leave as another one. */
  primaries: ReadonlyMap<number, number>;
  hairpin: boolean;
  isolated: boolean;
  /** Of a locked port: no, the stage that admits its stations does. */
  learning: boolean;
  flood: boolean;
  bcastFlood: boolean;
  mcastFlood: boolean;
  locked: boolean;
  fdbLimit: number;
  /** Its own and the bridge's. */
  groupFwdMask: number;
  isTunnel: boolean;
  remotes: string[];
  /** The end of a mirror: no other frame comes in or leaves. */
  isMirrorEnd: boolean;
  /** Carries control protocols of a customer. */
  isProtocolTunnel: boolean;
  /** Frames to groups go where snooping says. */
  snooping: boolean;
  /** Of an aggregate: it is in no VLAN itself. */
  isMember: boolean;
  /** Bits of traps.ts. */
  traps: number;
  /** A spanning tree governs it: it is closed until that opens it. */
  isInTree: boolean;
}

/** All ports of a bridge, the local interface first, members of aggregates last. */
export function portViews(name: string, bridge: BridgeConfig): PortView[] {
  const views: PortView[] = [];
  const privates = privateVlans(bridge);
  const hasTree = isStpOn(bridge);
  // Of tunnels and the local interface, too: the BPDUs of others are nobody's there.
  const bpdus = hasTree ? 1 << (isProvider(bridge) ? TRAP.provider_bpdu : TRAP.bpdu) : 0;
  const places = networkPlaces(name, bridge);
  const network = places.length === 0 ? 0 : (1 << TRAP.dhcp) | (1 << TRAP.claim);
  /** The host itself, as by the interface of the bridge. */
  const gateways = new Set(places.map((place) => hostInterface(place, bridge)?.name));
  const plain = { ...plainView(name, bridge), traps: bpdus };
  if (bridge.local !== false) {
    const { vlan } = bridge.local;
    const own = { name, bridge: name, vlan, fdbLimit: bridge.fdb_limit };
    views.push({ ...plain, ...own, primaries: primariesOf(privates, vlan) });
  }
  const ends = new Set(Object.values(bridge.mirrors).map((mirror) => mirrorEnd(name, mirror)));
  for (const [portName, port] of Object.entries(bridge.ports)) {
    views.push({
      name: portName,
      bridge: name,
      vlan: port.vlan,
      protocol: plain.protocol,
      primaries: primariesOf(privates, port.vlan),
      hairpin: port.hairpin,
      isolated: port.isolated,
      learning: port.learning && !port.locked,
      flood: port.flood,
      bcastFlood: port.bcast_flood,
      mcastFlood: port.mcast_flood,
      locked: port.locked,
      fdbLimit: port.fdb_limit ?? bridge.fdb_limit,
      groupFwdMask: port.group_fwd_mask | plain.groupFwdMask,
      isTunnel: port.type === 'vxlan',
      remotes: port.type === 'vxlan' ? port.remotes : [],
      traps:
        (carriedProtocols(port).includes('stp') ? bpdus & ~(1 << TRAP.bpdu) : bpdus) |
        (lldpMode(port, bridge) === 'off' ? 0 : 1 << TRAP.lldp) |
        (port.loop_detection ? 1 << TRAP.loop_probe : 0) |
        (port.guard === undefined ? 0 : GUARDED) |
        (gateways.has(portName) ? 0 : network | (network !== 0 && isGuests(port) ? GUESTS : 0)),
      isInTree: hasTree && port.type !== 'vxlan' && !ends.has(portName),
      isMirrorEnd: ends.has(portName),
      isProtocolTunnel: carriedProtocols(port).length > 0,
      snooping: plain.snooping,
      isMember: false,
    });
  }
  for (const { name: memberName, member, config } of membersIn(bridge)) {
    const isLldp = lldpMode(member, bridge, config) !== 'off';
    const traps = (isLldp ? 1 << TRAP.lldp : 0) | (config.lacp === 'off' ? 0 : 1 << TRAP.slow);
    const own = { name: memberName, bridge: name, vlan: undefined, fdbLimit: 0, isMember: true, traps };
    views.push({ ...plain, ...own, learning: false, flood: false });
  }
  return views;
}

/** A port that forwards everything, and of which nothing is said. */
export function plainView(name: string, bridge: BridgeConfig): PortView {
  return {
    name,
    bridge: name,
    vlan: undefined,
    fdbLimit: bridge.fdb_limit,
    protocol: bridge.vlan_protocol,
    primaries: NONE,
    hairpin: false,
    isolated: false,
    learning: true,
    flood: true,
    bcastFlood: true,
    mcastFlood: true,
    locked: false,
    isTunnel: false,
    remotes: [],
    isMirrorEnd: false,
    isProtocolTunnel: false,
    isInTree: false,
    traps: 0,
    isMember: false,
    groupFwdMask: bridge.group_fwd_mask | (isProvider(bridge) ? PROVIDER_GROUPS : 0),
    snooping: bridge.multicast?.snooping === true,
  };
}
