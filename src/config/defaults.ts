// Defaults that need the whole picture: MTUs that follow from the tunnels of a bridge, and the MAC address of a bridge.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { membersIn, membersOf } from './members.ts';
import { type PrivateVlans, portVlans, privateVlans } from './private_vlans.ts';
import type { Range } from './range.ts';
import type { BridgeConfig, PortConfig, SwitchConfig, VxlanPortConfig } from './schema.ts';
import { vlanSet } from './vlan_set.ts';

/** Ethernet's, IEEE 802.3. */
export const DEFAULT_MTU = 1500;
// What VXLAN adds inside the MTU of the underlay: IP, UDP, VXLAN and the inner Ethernet header (RFC 7348, 4.3).
const OVERHEAD_IPV4 = 20 + 8 + 8 + 14;
const OVERHEAD_IPV6 = 40 + 8 + 8 + 14;
/** RFC 791: every host takes datagrams of that length unfragmented. */
const MIN_MTU = 68;
/** A tag that travels inside the tunnel, IEEE 802.1Q-2018, 9.3. */
const TAG = 4;
const VIDS = 4096;

/**
 * MTU of each port of a bridge, and under the bridge's name that of its local interface:
 *   1. what the configuration says, then what `owned` says: interfaces that somebody else configures;
 *   2. a VXLAN port: 1450 over IPv4, 1430 over IPv6, 4 less if any of its VLANs leaves tagged, 4 less if frames of the
 *      bridge may have a customer's tag behind that;
 *   3. a port that shares a VLAN with VXLAN ports: the least of theirs by 1 and 2, but at most 1500;
 *   4. any other port: 1500;
 *   5. an aggregate that has no MTU of its own: the least that its members are said to own; they have what it has;
 *   6. the local interface: what `owned` says, then the least of the bridge's ports.
 *
 * Where `underlays` tells the MTU of the network under a VXLAN port, that port has what this lets through, more or less
 * than 2, and never more than it; a kernel's tunnel as af_packet port has no more than `underlays` says. The other ports keep theirs, whatever happens to routes: their hosts are told by ICMP.
 */
export function effectiveMtus(
  config: SwitchConfig,
  bridge: string,
  owned: ReadonlyMap<string, number> = new Map(),
  underlays: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const { vlan_filtering, local, ports } = config.bridges[bridge];
  const vlans = vlan_filtering ? privateVlans(config.bridges[bridge]) : undefined;
  const customers = customerTag(ports);
  const limits = tunnelLimits(vlans, ports, customers);
  const mtus = new Map<string, number>();
  for (const [name, port] of Object.entries(ports)) {
    mtus.set(
      name,
      port.mtu ??
        owned.get(name) ??
        leastOwned(port, owned) ??
        (port.type === 'vxlan' ? tunnelMtu(vlan_filtering, port, customers) : limitOf(limits, vlans, port)),
    );
  }
  if (local) {
    const least = Math.min(...(mtus.size === 0 ? [DEFAULT_MTU] : mtus.values()));
    mtus.set(bridge, local.mtu ?? owned.get(bridge) ?? least);
  }
  for (const [name, port] of Object.entries(ports)) {
    const underlay = underlays.get(name);
    if (underlay === undefined) continue;
    if (port.type === 'vxlan') {
      const room = Math.max(MIN_MTU, tunnelMtu(vlan_filtering, port, customers, underlay));
      mtus.set(name, Math.min(port.mtu ?? room, room));
    } else {
      mtus.set(name, Math.min(mtus.get(name) as number, Math.max(MIN_MTU, underlay)));
    }
  }
  for (const { name, aggregate } of membersIn(config.bridges[bridge]))
    mtus.set(name, mtus.get(aggregate) as number);
  return mtus;
}

/** What every port of a bridge takes; for a new one. */
export function leastMtu(config: SwitchConfig, bridge: string): number {
  const mtus = effectiveMtus(config, bridge);
  return mtus.size === 0 ? DEFAULT_MTU : Math.min(...mtus.values());
}

function leastOwned(port: PortConfig, owned: ReadonlyMap<string, number>): number | undefined {
  const known = Object.keys(membersOf(port)).flatMap((member) => owned.get(member) ?? []);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** MTU of one port, or with the bridge's own name of its local interface. Throws if there is none of this name. */
export function effectiveMtu(config: SwitchConfig, bridge: string, port: string): number {
  const mtu = effectiveMtus(config, bridge).get(port);
  if (mtu === undefined) throw new RangeError(`Bridge ${bridge} has no port ${port}`);
  return mtu;
}

/** By VID, the least MTU of the VXLAN ports in this VLAN; VLAN 0 is all of a bridge that does not filter. Null without a tunnel. */
function tunnelLimits(
  vlans: PrivateVlans | undefined,
  ports: BridgeConfig['ports'],
  customers: number,
): Int32Array | null {
  const tunnels = Object.values(ports).filter((port) => port.type === 'vxlan');
  if (tunnels.length === 0) return null;
  const limits = new Int32Array(VIDS).fill(DEFAULT_MTU);
  for (const port of tunnels) {
    const mtu = port.mtu ?? tunnelMtu(vlans !== undefined, port, customers);
    for (const { from, to } of vlansOf(vlans, port))
      for (let vid = from; vid <= to; vid++) limits[vid] = Math.min(limits[vid], mtu);
  }
  return limits;
}

/** Bytes of the tag that frames of the bridge may have behind ours. */
function customerTag(ports: BridgeConfig['ports']): number {
  return Object.values(ports).some(({ vlan }) => vlan !== undefined && 'tunnel' in vlan) ? TAG : 0;
}

function limitOf(limits: Int32Array | null, vlans: PrivateVlans | undefined, port: PortConfig): number {
  let least = DEFAULT_MTU;
  // Most bridges have no tunnel, and then a trunk's 4,094 VLANs need not be looked at.
  if (limits === null) return least;
  for (const { from, to } of vlansOf(vlans, port))
    for (let vid = from; vid <= to; vid++) least = Math.min(least, limits[vid]);
  return least;
}

/** `vlans` undefined: of a bridge that does not filter. */
function vlansOf(vlans: PrivateVlans | undefined, port: PortConfig): readonly Range[] {
  if (vlans === undefined) return [{ from: 0, to: 0 }];
  const { tagged, untagged } = portVlans(vlans, port.vlan);
  return [...tagged, ...untagged];
}

/** Bytes that VXLAN adds to a packet on its way to an address, or from there. */
export function vxlanOverhead(address: string): number {
  return address.includes(':') ? OVERHEAD_IPV6 : OVERHEAD_IPV4;
}

/** What is left of an outer packet. */
function tunnelMtu(
  filtering: boolean,
  port: VxlanPortConfig,
  customers: number,
  underlay = DEFAULT_MTU,
): number {
  const overhead = vxlanOverhead(port.local);
  const tag = filtering && vlanSet(port.vlan).tagged.length > 0 ? TAG : 0;
  return underlay - overhead - tag - customers;
}

/**
 * MAC address of a bridge on this machine: locally administered, the same after every restart, so that DHCP leases and
 * neighbours' ARP caches stay valid. `machine` is only for tests.
 */
export function stableMac(bridge: string, machine: string = machineId()): string {
  const digest = createHash('sha256').update(`taploom\0${machine}\0${bridge}`).digest('hex');
  return `02:${digest.slice(0, 10).replaceAll(/..(?=.)/g, '$&:')}`;
}

export function machineId(): string {
  try {
    const id = readFileSync('/etc/machine-id', 'utf8').trim();
    // systemd writes "uninitialized" into images that are to be cloned.
    if (/^[0-9a-f]{32}$/.test(id)) return id;
  } catch {
    // Containers often have none.
  }
  return hostname();
}
