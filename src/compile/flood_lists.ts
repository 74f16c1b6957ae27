// Flood lists: by which next hops a frame leaves that is for everybody in a VLAN. VLANs with the same members share
// their lists, so that a thousand trunks of 4,094 VLANs are one list of a thousand hops instead of four million.
//
//   ports with the same set of VLANs are a group   ->   VLANs that are in the same groups are a class   ->   its lists

import type { VlanSet } from '../config/schema.ts';
import { shared } from './shared.ts';
import type { Steps } from './steps.ts';

const VIDS = 4096;

export interface FloodMember {
  readonly vlans: VlanSet;
  /** Next hops by which a flooded frame leaves: the port, or its remotes. */
  readonly hops: readonly number[];
  /** It gets frames for unknown stations, too. */
  readonly flood: boolean;
}

/** Where a list begins and ends. */
type Span = readonly [number, number];

export class FloodLists {
  private readonly listAt: Uint32Array;
  private hops = new Int32Array(1024);
  private length = 0;

  /** @param domains their number, domain 0 included, which has none */
  constructor(domains: number) {
    this.listAt = shared(Uint32Array, 4 * domains);
  }

  /** Adds a bridge. @param numbers its domains by VID; 0 = none */
  *add(numbers: Uint16Array, members: readonly FloodMember[]): Steps<void> {
    const groups = new Map<VlanSet, number[]>();
    members.forEach(({ vlans }, n) => {
      const group = groups.get(vlans);
      if (group === undefined) groups.set(vlans, [n]);
      else group.push(n);
    });
    const { classOf, classes } = yield* classify([...groups.keys()]);
    const membersOf = [...groups.values()];
    const isMember = new Uint8Array(members.length);
    const floodAll = members.every(({ flood }) => flood);
    const spans: number[][] = [];
    for (const inGroups of classes) {
      const list = inOrder(inGroups, membersOf, isMember);
      const all = this.append(members, list, false);
      spans.push([...all, ...(floodAll ? all : this.append(members, list, true))]);
      yield;
    }
    for (let vid = 0; vid < VIDS; vid++) {
      if (numbers[vid] !== 0) this.listAt.set(spans[classOf[vid]], 4 * numbers[vid]);
    }
  }

  pack(): { listAt: Uint32Array; hops: Int32Array } {
    const hops = shared(Int32Array, this.length);
    hops.set(this.hops.subarray(0, this.length));
    return { listAt: this.listAt, hops };
  }

  private append(members: readonly FloodMember[], list: readonly number[], onlyFlooded: boolean): Span {
    const begin = this.length;
    for (let n = 0; n < list.length; n++) {
      const { hops, flood } = members[list[n]];
      if (onlyFlooded && !flood) continue;
      if (this.length + hops.length > this.hops.length) this.grow(hops.length);
      for (let m = 0; m < hops.length; m++) this.hops[this.length++] = hops[m];
    }
    return [begin, this.length];
  }

  private grow(by: number): void {
    const more = new Int32Array(2 * this.hops.length + by);
    more.set(this.hops);
    this.hops = more;
  }
}

/**
 * Tells VLANs apart by one set after the other: a set that has only a part of a class splits it. Each class has the
 * numbers of the sets that its VLANs are in. Loops instead of closures: a thousand trunks are 8 million steps.
 */
function* classify(sets: readonly VlanSet[]): Steps<{ classOf: Uint16Array; classes: number[][] }> {
  const classOf = new Uint16Array(VIDS);
  const classes: number[][] = [[]];
  const sizes = new Uint16Array(VIDS + 1);
  const found = new Uint16Array(VIDS + 1);
  const part = new Uint16Array(VIDS + 1);
  sizes[0] = VIDS;
  for (let number = 0; number < sets.length; number++) {
    const vids = sets[number].all;
    for (let n = 0; n < vids.length; n++) found[classOf[vids[n]]]++;
    const before = classes.length;
    for (let old = 0; old < before; old++) {
      if (found[old] === 0) continue;
      part[old] = old;
      if (found[old] < sizes[old]) {
        part[old] = classes.push([...classes[old]]) - 1;
        sizes[part[old]] = found[old];
        sizes[old] -= found[old];
      }
      classes[part[old]].push(number);
      found[old] = 0;
    }
    for (let n = 0; n < vids.length; n++) classOf[vids[n]] = part[classOf[vids[n]]];
    yield;
  }
  return { classOf, classes };
}

/** Members of some groups, as they came. @param isMember by member: a zeroed scratch, and so it is left */
function inOrder(
  groups: readonly number[],
  membersOf: readonly (readonly number[])[],
  isMember: Uint8Array,
): readonly number[] {
  if (groups.length === 1) return membersOf[groups[0]];
  let first = isMember.length;
  let last = -1;
  for (let g = 0; g < groups.length; g++) {
    const group = membersOf[groups[g]];
    first = Math.min(first, group[0]);
    last = Math.max(last, group[group.length - 1]);
    for (let n = 0; n < group.length; n++) isMember[group[n]] = 1;
  }
  const list: number[] = [];
  for (let n = first; n <= last; n++) if (isMember[n] === 1) list.push(n);
  isMember.fill(0, first, last + 1);
  return list;
}
