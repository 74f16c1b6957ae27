// What a port's `vlan` key means: which VLANs the port carries, which of them leave untagged, and where untagged
// frames go. The key itself stays as its author wrote it, so that an export prints `100-199` again.

import { LRUCache } from 'lru-cache';
import { parseRange } from './range.ts';
import type { VlanConfig } from './shape.ts';

const VIDS = 4096;

export interface VlanSet {
  /** VLAN of untagged frames; 0 = they are dropped. */
  readonly pvid: number;
  /** Ascending. */
  readonly tagged: Uint16Array;
  readonly untagged: Uint16Array;
  /** Both, in no order. */
  readonly all: Uint16Array;
}

/** By VLAN: ports with the same VLANs have the same set, and whoever compiles counts on it. */
const access: (VlanSet | undefined)[] = [];
/** Sets of trunks by their text, 8 MB at most: each is asked for several times in a change. */
const trunks = new LRUCache<string, VlanSet>({
  maxSize: 1 << 22,
  sizeCalculation: ({ tagged }) => 1 + tagged.length,
});

/** For a port of a VLAN-aware bridge. Without a `vlan` key the port is an access port of VLAN 1, as in Linux. */
export function vlanSet(vlan: VlanConfig | undefined): VlanSet {
  if (!vlan || 'access' in vlan) {
    const vid = vlan?.access ?? 1;
    access[vid] ??= setOf(vid, new Uint16Array(), [vid]);
    return access[vid];
  }
  const key = `${vlan.native ?? 0} ${vlan.trunk}`;
  const known = trunks.get(key);
  if (known !== undefined) return known;
  const made = trunkSet(vlan);
  trunks.set(key, made);
  return made;
}

function trunkSet(vlan: { trunk: readonly (number | string)[]; native?: number }): VlanSet {
  const isTagged = new Uint8Array(VIDS);
  for (const item of vlan.trunk) {
    const { from, to } =
      typeof item === 'number' ? { from: item, to: item } : (parseRange(item) ?? { from: 1, to: 0 });
    isTagged.fill(1, from, to + 1);
  }
  const native = vlan.native ?? 0;
  isTagged[native] = 0;
  const tagged = new Uint16Array(VIDS);
  let count = 0;
  for (let vid = 0; vid < VIDS; vid++) if (isTagged[vid] === 1) tagged[count++] = vid;
  return setOf(native, tagged.slice(0, count), native === 0 ? [] : [native]);
}

function setOf(pvid: number, tagged: Uint16Array, untagged: readonly number[]): VlanSet {
  const all = untagged.length === 0 ? tagged : Uint16Array.of(...untagged, ...tagged);
  return { pvid, tagged, untagged: Uint16Array.from(untagged), all };
}

/** Every port of a VLAN-unaware bridge has this one: its frames are all of VLAN 0. */
export const UNAWARE = setOf(0, new Uint16Array(), [0]);

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
