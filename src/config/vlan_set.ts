// What a port's `vlan` key means: which VLANs the port carries, which of them leave untagged, and where untagged
// frames go. The key itself stays as its author wrote it, so that an export prints `100-199` again.

import { LRUCache } from 'lru-cache';
import { parseRange } from './range.ts';
import type { VlanConfig } from './shape.ts';

export interface VlanSet {
  /** VLAN of untagged frames; 0 = they are dropped. */
  readonly pvid: number;
  /** Ascending. */
  readonly tagged: readonly number[];
  readonly untagged: readonly number[];
}

/** Sets of trunks by their text: a thousand ports often share one, and making one of 4,094 VLANs takes 0.3 ms. */
const trunks = new LRUCache<string, VlanSet>({ max: 256 });

/** For a port of a VLAN-aware bridge. Without a `vlan` key the port is an access port of VLAN 1, as in Linux. */
export function vlanSet(vlan: VlanConfig | undefined): VlanSet {
  if (!vlan) return { pvid: 1, tagged: [], untagged: [1] };
  if ('access' in vlan) return { pvid: vlan.access, tagged: [], untagged: [vlan.access] };
  const key = `${vlan.native ?? 0} ${vlan.trunk}`;
  const known = trunks.get(key);
  if (known !== undefined) return known;
  const made = trunkSet(vlan);
  trunks.set(key, made);
  return made;
}

function trunkSet(vlan: { trunk: readonly (number | string)[]; native?: number }): VlanSet {
  const tagged = new Set<number>();
  for (const item of vlan.trunk) {
    const { from, to } =
      typeof item === 'number' ? { from: item, to: item } : (parseRange(item) ?? { from: 1, to: 0 });
    for (let vid = from; vid <= to; vid++) tagged.add(vid);
  }
  const native = vlan.native ?? 0;
  tagged.delete(native);
  return {
    pvid: native,
    tagged: [...tagged].sort((a, b) => a - b),
    untagged: native === 0 ? [] : [native],
  };
}

/** Whether a port with this `vlan` key is a member of VLAN `vid`. */
export function carriesVlan(vlan: VlanConfig | undefined, vid: number): boolean {
  if (!vlan) return vid === 1;
  if ('access' in vlan) return vid === vlan.access;
  return vid === vlan.native || vlan.trunk.some((item) => contains(item, vid));
}

function contains(item: number | string, vid: number): boolean {
  if (typeof item === 'number') return item === vid;
  const range = parseRange(item);
  return range !== undefined && range.from <= vid && vid <= range.to;
}
