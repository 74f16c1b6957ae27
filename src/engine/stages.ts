// The packet path, one stage a function, each a pass over the batch: classify -> search -> learn -> decide.
// What a stage gives up on gets a drop in its `dest` column, and later stages skip it; `replicate` (replicate.ts) counts
// every frame once.
//
// The functions are closures, so that the arrays which they use are constants to V8: see docs/decisions.md.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT, PORT_STRIDE } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { type Fdb, KNOWN, LEARNED, MOVED, REFUSED } from '../table/fdb.ts';
import { createSearch, KEY, KEY_WORDS } from '../table/search.ts';
import {
  dstHi,
  dstLo,
  etherType,
  HEADER_LEN,
  isGroup,
  isReservedGroup,
  MACS_LEN,
  srcHi,
  srcLo,
} from '../wire/ethernet.ts';
import { priority, TAG_LEN, TPID_8021Q, VID_MASK, VID_RESERVED } from '../wire/vlan.ts';
import { maskIfZero } from './mask.ts';
import { checkOffload, segmentsOf } from './offload.ts';
import { LEARNING, type Topology, TUNNEL, VLAN_AWARE, VLAN_STRIDE } from './topology.ts';

/** A frame looks up two addresses, its source and KEY_WORDS behind it its destination. */
const DST = KEY_WORDS;

export interface Stages {
  /** Takes a fresh batch through all stages. */
  run(topology: Topology, fdb: Fdb, tick: number): void;
  /** Decides the frames from `batch.next` on, which were decided once, in another topology. */
  decideAgain(topology: Topology, fdb: Fdb, tick: number): void;
}

export function createStages(batch: FrameBatch, counters: Counters): Stages {
  const { view, rows } = batch;
  const { values, events } = counters;
  const portsAt = counters.port(0);
  const search = createSearch(2 * (rows.length / ROW));
  const { keys } = search;

  function run(topology: Topology, fdb: Fdb, tick: number): void {
    classify(topology);
    const version = fdb.version();
    search.find(fdb, 2 * batch.count);
    learn(fdb, tick);
    decide(topology, fdb, tick);
    if (!fdb.isUnchanged(version)) decideAgain(topology, fdb, tick);
  }

  /**
   * Counts what was received, checks every length once, strips the tag of VLAN-aware bridges and finds the domain.
   * Afterwards the columns describe the untagged frame, and `start` .. `rest` + `length` - 12 lies within its slot.
   */
  function classify(topology: Topology): void {
    const { pvid, vlan } = topology;
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      const port = rows[row + COLUMN.ingress] & PORT_MASK;
      const counter = portsAt + port * PORT_STRIDE;
      const length = rows[row + COLUMN.length];
      values[counter + PORT.receivedFrames] += 1;
      values[counter + PORT.receivedBytes] += length;
      if (rows[row + COLUMN.dest] !== 0) continue;
      if (length < HEADER_LEN) {
        rows[row + COLUMN.dest] = DEST_DROP | DROP.runt;
        continue;
      }
      const at = rows[row + COLUMN.start];
      const hi = srcHi(view, at);
      const lo = srcLo(view, at);
      if (isGroup(hi) || (hi | lo) === 0) {
        rows[row + COLUMN.dest] = DEST_DROP | DROP.bad_source;
        continue;
      }
      const isOffload = (rows[row + COLUMN.gsoType] | rows[row + COLUMN.csumStart]) !== 0;
      if (isOffload) {
        if (!checkOffload(batch, row)) {
          rows[row + COLUMN.dest] = DEST_DROP | DROP.bad_offload;
          continue;
        }
        values[counter + PORT.receivedSegments] += segmentsOf(batch, row);
      }
      let restAt = at + MACS_LEN;
      let vid = pvid[port] & VID_MASK;
      let tci = 0;
      if ((pvid[port] & VLAN_AWARE) !== 0) {
        const ifTagged = maskIfZero(etherType(view, at) ^ TPID_8021Q);
        const tagLength = TAG_LEN & ifTagged;
        if (length < HEADER_LEN + tagLength) {
          rows[row + COLUMN.dest] = DEST_DROP | DROP.runt;
          continue;
        }
        tci = view.getUint16(at + HEADER_LEN) & ifTagged; // whatever lies there is masked
        const tagVid = tci & VID_MASK;
        if (tagVid === VID_RESERVED) {
          rows[row + COLUMN.dest] = DEST_DROP | DROP.vlan_invalid;
          continue;
        }
        vid = tagVid | (vid & maskIfZero(tagVid)); // 0 is a priority tag: the port's own VLAN
        if (vid === 0) {
          rows[row + COLUMN.dest] = DEST_DROP | DROP.vlan_untagged;
          continue;
        }
        restAt += tagLength;
        rows[row + COLUMN.length] = length - tagLength;
        if (isOffload) moveOffload(rows, row, tagLength);
      }
      const membership = vlan[port * VLAN_STRIDE + vid];
      if (membership === 0) {
        rows[row + COLUMN.dest] = DEST_DROP | (vid === 0 ? DROP.reconfigured : DROP.vlan_not_allowed);
        continue;
      }
      rows[row + COLUMN.rest] = restAt;
      rows[row + COLUMN.domain] = membership;
      rows[row + COLUMN.tci] = priority(tci) | vid;
      const domain = (membership >>> 8) << 16;
      const k = keysOf(row);
      keys[k | KEY.hi] = domain | hi;
      keys[k | KEY.lo] = lo;
      keys[k | DST | KEY.hi] = domain | dstHi(view, at);
      keys[k | DST | KEY.lo] = dstLo(view, at);
    }
  }

  /** Learns source addresses. Relies on `classify`: unicast source, domain known. */
  function learn(fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0) continue;
      if ((rows[row + COLUMN.domain] & LEARNING) === 0) continue;
      if (!fdb.refresh(keys[keysOf(row) | KEY.entry], rows[row + COLUMN.ingress], tick))
        learnStranger(row, fdb, tick);
    }
  }

  function learnStranger(row: number, fdb: Fdb, tick: number): void {
    const domain = rows[row + COLUMN.domain];
    const at = rows[row + COLUMN.start];
    const hop = rows[row + COLUMN.ingress];
    const noRemote = (domain & TUNNEL) !== 0 && hop >>> PORT_BITS === 0;
    const result = noRemote ? REFUSED : fdb.learn(domain >>> 8, srcHi(view, at), srcLo(view, at), hop, tick);
    if (result === KNOWN) return;
    const counter = counters.port(hop & PORT_MASK);
    if (result === REFUSED) values[counter + PORT.learnRefused] += 1;
    if (result === MOVED) values[counter + PORT.stationMoves] += 1;
    if (result === LEARNED || noRemote) return;
    events.add(result, tick, domain >>> 8, fdb.movedFrom, hop, srcHi(view, at), srcLo(view, at));
  }

  /** Gives each frame one destination: a next hop, a flood list, or a drop. Relies on `classify`. */
  function decide(topology: Topology, fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0) continue;
      const hop = fdb.hopAt(keys[keysOf(row) | DST | KEY.entry], rows[row + COLUMN.domain] >>> 8, tick);
      rows[row + COLUMN.dest] = hop !== 0 ? hop : decideOther(row, topology, fdb, tick);
    }
  }

  /** For groups, unknown addresses, and addresses that were unknown when the search was made. */
  function decideOther(row: number, topology: Topology, fdb: Fdb, tick: number): number {
    const at = rows[row + COLUMN.start];
    const domain = rows[row + COLUMN.domain] >>> 8;
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    if (!isGroup(hi)) {
      const hop = fdb.lookup(domain, hi, lo, tick);
      return hop !== 0 ? hop : DEST_LIST | (2 * domain + 1);
    }
    const isStopped = isReservedGroup(hi, lo) && !mayForward(topology, domain, lo & 15);
    return isStopped ? DEST_DROP | DROP.reserved_group : DEST_LIST | (2 * domain);
  }

  /** Also where another worker has moved entries between search and decision; now it cannot. */
  function decideAgain(topology: Topology, fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    fdb.take();
    try {
      for (let row = batch.next * ROW; row < end; row += ROW) {
        if ((rows[row + COLUMN.dest] & DEST_DROP) !== 0) continue;
        const vid = rows[row + COLUMN.tci] & VID_MASK;
        const membership = topology.vlan[(rows[row + COLUMN.ingress] & PORT_MASK) * VLAN_STRIDE + vid];
        const isSame = (membership ^ rows[row + COLUMN.domain]) >>> 8 === 0;
        rows[row + COLUMN.domain] = membership;
        rows[row + COLUMN.dest] = isSame
          ? decideOther(row, topology, fdb, tick)
          : DEST_DROP | DROP.reconfigured;
      }
    } finally {
      fdb.release();
    }
  }

  return { run, decideAgain };
}

/** Where the addresses of a frame are in `keys`: 8 words for each row of 16. */
function keysOf(row: number): number {
  return row >> 1;
}

/** The offload columns of a frame of which a tag was taken off: everything behind the MACs moves closer. */
function moveOffload(rows: Int32Array, row: number, by: number): void {
  if (rows[row + COLUMN.csumStart] !== 0) rows[row + COLUMN.csumStart] -= by;
  if (rows[row + COLUMN.gsoType] !== 0) rows[row + COLUMN.headerLength] -= by;
}

/**
 * 01:80:C2:00:00:0X as in Linux' br_handle_frame: BPDUs (0) pass while no spanning tree runs here, so that loops are detected; PAUSE (1)
 * never; others if `group_fwd_mask` says so. The configuration refuses bits 0 to 2.
 */
function mayForward(topology: Topology, domain: number, group: number): boolean {
  return group === 0 || (topology.groupFwdMask[topology.domainBridge[domain]] & (1 << group)) !== 0;
}
