// Flood lists: by which next hops a frame leaves that is for all of its domain. Neighbouring VLANs with the same ports are a
// run and share a list, so a thousand trunks of 4,094 VLANs make one list of a thousand. Unknown unicast, which some ports
// do not get, goes to the first part of a list.
//
//   VLAN   1  2  3  4  5       runs: 1-2, 3, 4-5       list of run 3:  p1 p3 | p2
//   p1     x  x  x                                     broadcasts      -----------
//   p2           x  x  x   flood: false                unknown unicast ------
//   p3     x  x  x  x  x

import type { Range } from '../config/range.ts';
import type { VlanSet } from '../config/schema.ts';
import type { Parts } from '../parts.ts';
import { shared } from './shared.ts';

/**
 * Runs whose lists are filled at the same time, port by port. A list of a thousand ports is a page: a port that wrote to
 * 4,094 of them in turn would miss the caches and the TLB each time.
 */
const TILE = 256;

/** A port. */
export interface Flooder {
  vlans: VlanSet;
  /** Whether it gets unknown unicast. */
  flood: boolean;
  /** Next hops by which a flooded frame leaves: the port, or its remotes. */
  hops: readonly number[];
}

/** A bridge. */
export interface Flooded {
  /** Numbers of its domains by VID, 0 = none. */
  numbers: Uint16Array;
  ports: readonly Flooder[];
  /** Whether unknown unicast of this VLAN goes to anybody. */
  floods: (vid: number) => boolean;
}

/** A port by its runs instead of its VLANs. */
interface Member {
  runs: readonly Range[];
  hops: readonly number[];
}

/** Lists of a bridge that have a place. */
interface Layout {
  /** By run, where its list begins. */
  first: Uint32Array;
  /** In the order of the lists. */
  members: readonly Member[];
}

/** Fills `listAt` and makes the lists. */
export function* floodLists(bridges: readonly Flooded[], listAt: Uint32Array): Parts<Int32Array> {
  let size = 0;
  const layouts: Layout[] = [];
  for (const { numbers, ports, floods } of bridges) {
    const runOf = runsOf(ports, numbers.length);
    const all = new Uint32Array(runOf[numbers.length] + 1);
    const unicast = new Uint32Array(all.length);
    const members: Member[] = [];
    for (const { vlans, flood, hops } of inOrder(ports)) {
      const ranges = [...vlans.tagged, ...vlans.untagged];
      const runs = ranges.map(({ from, to }) => ({ from: runOf[from], to: runOf[to] }));
      members.push({ runs, hops });
      add(hops.length, runs, all);
      if (flood) add(hops.length, runs, unicast);
      yield;
    }
    const first = all.map((length) => {
      size += length;
      return size - length;
    });
    for (const [vid, domain] of numbers.entries()) {
      if (domain === 0) continue;
      const run = runOf[vid];
      const start = first[run];
      listAt.set([start, start + all[run], start, start + (floods(vid) ? unicast[run] : 0)], 4 * domain);
    }
    layouts.push({ first, members });
  }
  const { hops } = shared({ hops: [Int32Array, size] });
  for (const layout of layouts) yield* fill(hops, layout);
  return hops;
}

/** The run of each VID below `vids`, and that of `vids` itself: the last one. */
function runsOf(ports: readonly Flooder[], vids: number): Uint16Array {
  const runOf = new Uint16Array(vids + 1);
  for (const { vlans } of ports) {
    for (const ranges of [vlans.tagged, vlans.untagged]) {
      for (const { from, to } of ranges) runOf[from] = runOf[to + 1] = 1;
    }
  }
  for (let vid = 1; vid <= vids; vid++) runOf[vid] += runOf[vid - 1];
  return runOf;
}

/** Those that get unknown unicast first. */
function inOrder(ports: readonly Flooder[]): Flooder[] {
  return [...ports.filter(({ flood }) => flood), ...ports.filter(({ flood }) => !flood)];
}

function add(count: number, runs: readonly Range[], lengths: Uint32Array): void {
  for (const { from, to } of runs) for (let run = from; run <= to; run++) lengths[run] += count;
}

function* fill(list: Int32Array, { first, members }: Layout): Parts<void> {
  const next = first.slice();
  for (let tile = 0; tile < next.length; tile += TILE) {
    for (const { runs, hops } of members) {
      for (const { from, to } of runs) {
        const end = Math.min(to + 1, tile + TILE);
        for (let run = Math.max(from, tile); run < end; run++) {
          for (let n = 0; n < hops.length; n++) list[next[run]++] = hops[n];
        }
      }
    }
    yield;
  }
}
