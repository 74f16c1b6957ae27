// What a port's `vlan` key means: which VLANs the port carries, which of them leave untagged, and where untagged
// frames go. The key itself stays as its author wrote it, so that an export prints `100-199` again.
//
// Ranges instead of ids: a trunk of all 4,094 VLANs is one, and a thousand trunks are not four million numbers.

import { type Range, rangesOf } from './range.ts';
import type { TunnelVlans, VlanConfig } from './vlan_config.ts';

export interface VlanSet {
  /** VLAN of untagged frames; 0 = they are dropped. */
  readonly pvid: number;
  /** Ascending, with gaps between them. */
  readonly tagged: readonly Range[];
  readonly untagged: readonly Range[];
}

/** For a port of a VLAN-aware bridge. Without a `vlan` key the port is an access port of VLAN 1, as in Linux. */
export function vlanSet(vlan: VlanConfig | undefined): VlanSet {
  if (vlan !== undefined && 'trunk' in vlan) return trunkSet(vlan);
  if (vlan !== undefined && 'tunnel' in vlan) return tunnelSet(vlan);
  const pvid = vlan === undefined ? 1 : vlan.access;
  return { pvid, tagged: [], untagged: [one(pvid)] };
}

/** All that leaves a tunnel is without a tag of ours; what the frame has behind it is the customer's. */
function tunnelSet({ tunnel, native = 0 }: TunnelVlans): VlanSet {
  if (typeof tunnel === 'number') return { pvid: tunnel, tagged: [], untagged: [one(tunnel)] };
  const vids = new Set(Object.keys(tunnel).map(Number));
  if (native !== 0) vids.add(native);
  return { pvid: native, tagged: [], untagged: rangesOf([...vids]) };
}

function trunkSet(vlan: { trunk: readonly (number | string)[]; native?: number }): VlanSet {
  const { trunk, native = 0 } = vlan;
  const ranges: Range[] = [];
  for (const range of trunk.map(rangeOf).sort((a, b) => a.from - b.from)) {
    const last = ranges[ranges.length - 1];
    if (last === undefined || range.from > last.to + 1) ranges.push(range);
    else last.to = Math.max(last.to, range.to);
  }
  if (native === 0) return { pvid: 0, tagged: ranges, untagged: [] };
  const tagged = ranges.flatMap((range) => without(range, native));
  return { pvid: native, tagged, untagged: [one(native)] };
}

function without(range: Range, vid: number): Range[] {
  if (!contains(range, vid)) return [range];
  return [
    { from: range.from, to: vid - 1 },
    { from: vid + 1, to: range.to },
  ].filter(({ from, to }) => from <= to);
}

/** Whether a port with this `vlan` key is a member of VLAN `vid`. */
export function carriesVlan(vlan: VlanConfig | undefined, vid: number): boolean {
  if (!vlan) return vid === 1;
  if ('access' in vlan) return vid === vlan.access;
  if ('tunnel' in vlan) return tunnelSet(vlan).untagged.some((range) => contains(range, vid));
  return vid === vlan.native || vlan.trunk.some((item) => contains(rangeOf(item), vid));
}

function contains({ from, to }: Range, vid: number): boolean {
  return from <= vid && vid <= to;
}

/** An item of a list of VLANs. shape.ts has checked it, and to ask again whether it is a range would take most of the time. */
export function rangeOf(item: number | string): Range {
  if (typeof item === 'number') return one(item);
  const hyphen = item.indexOf('-');
  return { from: Number(item.slice(0, hyphen)), to: Number(item.slice(hyphen + 1)) };
}

function one(vid: number): Range {
  return { from: vid, to: vid };
}
