// What a port's `vlan` key means: which VLANs the port carries, which of them leave untagged, and where untagged
// frames go. The key itself stays as its author wrote it, so that an export prints `100-199` again.

import { parseRange } from './range.ts';
import type { VlanConfig } from './shape.ts';

export interface VlanSet {
  /** VLAN of untagged frames; 0 = they are dropped. */
  pvid: number;
  /** Ascending. */
  tagged: number[];
  untagged: number[];
}

/** For a port of a VLAN-aware bridge. Without a `vlan` key the port is an access port of VLAN 1, as in Linux. */
export function vlanSet(vlan: VlanConfig | undefined): VlanSet {
  if (!vlan) return { pvid: 1, tagged: [], untagged: [1] };
  if ('access' in vlan) return { pvid: vlan.access, tagged: [], untagged: [vlan.access] };
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
  const { tagged, untagged } = vlanSet(vlan);
  return tagged.includes(vid) || untagged.includes(vid);
}
