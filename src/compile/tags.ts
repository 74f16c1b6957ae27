// Ports with tags of their own -> the engine's table.

import type { TunnelVlans, VlanConfig } from '../config/schema.ts';
import { TPIDS } from '../config/vlan_protocol.ts';
import { rangeOf } from '../config/vlan_set.ts';
import { NO_VLAN, type TagTable, VIDS } from '../engine/tag_table.ts';
import { OWN_TAG, SELECTIVE } from '../engine/topology.ts';
import { TAG_LEN, TPID_8021Q, tag } from '../wire/vlan.ts';
import type { Names } from './names.ts';
import type { PortView } from './port_view.ts';
import { shared } from './shared.ts';

type Tagging = Pick<PortView, 'vlan' | 'protocol'> & Partial<Pick<PortView, 'primaries'>>;

/** EtherType of the port's tags. Those of a tunnel are the customer's, 802.1Q. */
export function tpidOf({ vlan, protocol }: Tagging): number {
  if (isTunnel(vlan)) return TPID_8021Q;
  return TPIDS[(vlan !== undefined && 'trunk' in vlan && vlan.protocol) || protocol];
}

/** The tag of a VLAN of the bridge on the port's wire. */
export function wireTag(view: Tagging, vid: number): number {
  const found = Object.entries(translationOf(view.vlan)).find(([, vlan]) => vlan === vid);
  return tag(tpidOf(view), found === undefined ? vid : Number(found[0]));
}

/** Whether the tags of a VLAN-aware bridge's port are not those of 802.1Q, untranslated. */
export function hasOwnTags(view: Tagging): boolean {
  return tpidOf(view) !== TPID_8021Q || hasMap(view);
}

/** What the words of a port say of what leaves otherwise than from a plain one. */
export function tagFlags(view: Tagging & Pick<PortView, 'isProtocolTunnel'>): number {
  if (isTunnel(view.vlan))
    return (typeof view.vlan.tunnel === 'object' ? SELECTIVE : 0) | (view.isProtocolTunnel ? OWN_TAG : 0);
  return hasOwnTags(view) ? OWN_TAG : 0;
}

/** Null if no port has any: then nobody looks. */
export function compileTags(
  carriers: readonly { view: Tagging & { name: string } }[],
  ports: Names,
): TagTable | null {
  const own = carriers.map(({ view }) => view).filter(hasOwnTags);
  if (own.length === 0) return null;
  const maps = 1 + own.filter(hasMap).length;
  const table = shared({
    tpid: [Uint16Array, ports.length],
    strips: [Uint16Array, ports.length],
    map: [Uint16Array, ports.length],
    vlans: [Uint16Array, maps * VIDS],
    vids: [Uint16Array, maps * VIDS],
  });
  for (let n = 0; n < maps * VIDS; n++) table.vlans[n] = table.vids[n] = n % VIDS;
  let map = 0;
  for (const view of own) {
    const port = ports.number(view.name);
    table.tpid[port] = tpidOf(view);
    table.strips[port] = isTunnel(view.vlan) ? 0 : TAG_LEN;
    if (!hasMap(view)) continue;
    table.map[port] = ++map;
    const vlans = table.vlans.subarray(map * VIDS, (map + 1) * VIDS);
    const vids = table.vids.subarray(map * VIDS, (map + 1) * VIDS);
    if (isTunnel(view.vlan)) select(view.vlan.tunnel, vlans);
    else translate(translationOf(view.vlan), vlans, vids);
    for (const [vlan, primary] of view.primaries ?? []) vids[vlan] = vids[primary];
  }
  return table;
}

function select(tunnel: TunnelVlans['tunnel'], vlans: Uint16Array): void {
  vlans.fill(typeof tunnel === 'number' ? tunnel : NO_VLAN);
  if (typeof tunnel === 'number') return;
  for (const [vlan, list] of Object.entries(tunnel))
    for (const { from, to } of list.map(rangeOf)) vlans.fill(Number(vlan), from, to + 1);
}

/** A VLAN that has another VID on the wire is not to be had by its own. */
function translate(translation: Record<string, number>, vlans: Uint16Array, vids: Uint16Array): void {
  for (const vlan of Object.values(translation)) vlans[vlan] = NO_VLAN;
  for (const [wire, vlan] of Object.entries(translation)) {
    vlans[Number(wire)] = vlan;
    vids[vlan] = Number(wire);
  }
}

function hasMap({ vlan, primaries }: Tagging): boolean {
  return isTunnel(vlan) || Object.keys(translationOf(vlan)).length > 0 || (primaries?.size ?? 0) > 0;
}

function translationOf(vlan: VlanConfig | undefined): Record<string, number> {
  return (vlan !== undefined && 'trunk' in vlan && vlan.translate) || {};
}

function isTunnel(vlan: VlanConfig | undefined): vlan is TunnelVlans {
  return vlan !== undefined && 'tunnel' in vlan;
}
