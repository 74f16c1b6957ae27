// The packet path, one stage a function, each a pass over the batch: classify -> learn -> decide. What a stage gives
// up on gets a drop in its `dest` column, and later stages skip it; `replicate` (engine.ts) counts every frame once.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { type Fdb, KNOWN, MOVED, REFUSED } from '../table/fdb.ts';
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
import { checkOffload, segmentsOf } from './offload.ts';
import { LEARNING, type Topology, TUNNEL, VLAN_AWARE, VLAN_STRIDE } from './topology.ts';

/**
 * Counts what was received, checks every length once, strips the tag of VLAN-aware bridges and finds the domain.
 * Afterwards the columns describe the untagged frame, and `start` .. `rest` + `length` - 12 lies within its slot.
 */
export function classify(batch: FrameBatch, topology: Topology, counters: Counters): void {
  const { view, rows } = batch;
  const { pvid, vlan } = topology;
  const { values } = counters;
  const end = batch.count * ROW;
  for (let row = 0; row < end; row += ROW) {
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    const counter = counters.port(port);
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
    if (isGroup(hi) || (hi === 0 && srcLo(view, at) === 0)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.bad_source;
      continue;
    }
    if ((rows[row + COLUMN.gsoType] | rows[row + COLUMN.csumStart]) !== 0) {
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
      if (etherType(view, at) === TPID_8021Q) {
        if (length < HEADER_LEN + TAG_LEN) {
          rows[row + COLUMN.dest] = DEST_DROP | DROP.runt;
          continue;
        }
        tci = view.getUint16(at + HEADER_LEN);
        const tagVid = tci & VID_MASK;
        if (tagVid === VID_RESERVED) {
          rows[row + COLUMN.dest] = DEST_DROP | DROP.vlan_invalid;
          continue;
        }
        if (tagVid !== 0) vid = tagVid; // 0 is a priority tag: the port's own VLAN
        stripTag(rows, row);
        restAt += TAG_LEN;
      }
      if (vid === 0) {
        rows[row + COLUMN.dest] = DEST_DROP | DROP.vlan_untagged;
        continue;
      }
    }
    const membership = vlan[port * VLAN_STRIDE + vid];
    if (membership === 0) {
      rows[row + COLUMN.dest] = DEST_DROP | (vid === 0 ? DROP.reconfigured : DROP.vlan_not_allowed);
      continue;
    }
    rows[row + COLUMN.rest] = restAt;
    rows[row + COLUMN.domain] = membership;
    rows[row + COLUMN.tci] = priority(tci) | vid;
  }
}

/** Columns of a frame whose tag is taken off: everything behind the MACs moves 4 bytes closer. */
function stripTag(rows: Int32Array, row: number): void {
  rows[row + COLUMN.length] -= TAG_LEN;
  if (rows[row + COLUMN.csumStart] !== 0) rows[row + COLUMN.csumStart] -= TAG_LEN;
  if (rows[row + COLUMN.gsoType] !== 0) rows[row + COLUMN.headerLength] -= TAG_LEN;
}

/** Learns source addresses. Relies on `classify`: unicast source, domain known. */
export function learn(batch: FrameBatch, fdb: Fdb, counters: Counters, tick: number): void {
  const { view, rows } = batch;
  const end = batch.count * ROW;
  for (let row = 0; row < end; row += ROW) {
    if (rows[row + COLUMN.dest] !== 0) continue;
    const domain = rows[row + COLUMN.domain];
    if ((domain & LEARNING) === 0) continue;
    const at = rows[row + COLUMN.start];
    const hop = rows[row + COLUMN.ingress];
    const noRemote = (domain & TUNNEL) !== 0 && hop >>> PORT_BITS === 0;
    const result = noRemote ? REFUSED : fdb.learn(domain >>> 8, srcHi(view, at), srcLo(view, at), hop, tick);
    if (result === KNOWN) continue;
    const counter = counters.port(hop & PORT_MASK);
    if (result === REFUSED) counters.values[counter + PORT.learnRefused] += 1;
    if (result === MOVED) counters.values[counter + PORT.stationMoves] += 1;
  }
}

/** Gives each frame one destination: a next hop, a flood list, or a drop. Relies on `classify`. */
export function decide(batch: FrameBatch, topology: Topology, fdb: Fdb, tick: number): void {
  const { view, rows } = batch;
  const end = batch.count * ROW;
  for (let row = 0; row < end; row += ROW) {
    if (rows[row + COLUMN.dest] !== 0) continue;
    const at = rows[row + COLUMN.start];
    const domain = rows[row + COLUMN.domain] >>> 8;
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    if (!isGroup(hi)) {
      const hop = fdb.lookup(domain, hi, lo, tick);
      rows[row + COLUMN.dest] = hop !== 0 ? hop : DEST_LIST | (2 * domain + 1);
    } else if (isReservedGroup(hi, lo) && !mayForward(topology, domain, lo & 15)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.reserved_group;
    } else {
      rows[row + COLUMN.dest] = DEST_LIST | (2 * domain);
    }
  }
}

/**
 * 01:80:C2:00:00:0X as in Linux' br_handle_frame: BPDUs (0) pass while no spanning tree runs here, so that loops are detected; PAUSE (1)
 * never; others if `group_fwd_mask` says so. The configuration refuses bits 0 to 2.
 */
function mayForward(topology: Topology, domain: number, group: number): boolean {
  return group === 0 || (topology.groupFwdMask[topology.domainBridge[domain]] & (1 << group)) !== 0;
}
