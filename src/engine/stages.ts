// The packet path, one stage a function, each a pass over the batch: classify -> learn -> decide. What a stage gives
// up on gets a drop in its `dest` column, and later stages skip it; `replicate` (engine.ts) counts every frame once.

import type { FrameBatch } from '../frame/frame_batch.ts';
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
import { isTpid, TAG_LEN, TPID_8021Q, VID_MASK, VID_RESERVED } from '../wire/vlan.ts';
import { checkOffload } from './offload.ts';
import { PORT_FLAG, type Topology, VLAN_STRIDE } from './topology.ts';

/**
 * Counts what was received, checks every length once, strips the tag of VLAN-aware bridges and finds the domain.
 * Afterwards the columns describe the untagged frame, and `start` .. `rest` + `length` - 12 lies within its slot.
 */
export function classify(batch: FrameBatch, topology: Topology, counters: Counters): void {
  const { view, start, rest, length, ingress, dest, tag, l3, l3Length } = batch;
  const values = counters.values;
  for (let i = 0; i < batch.count; i++) {
    const port = ingress[i] & PORT_MASK;
    const counter = counters.port(port);
    const received = length[i];
    batch.wireLength[i] = received;
    values[counter + PORT.receivedFrames] += 1;
    values[counter + PORT.receivedBytes] += received;
    tag[i] = 0;
    if (dest[i] !== 0) continue;
    if (received < HEADER_LEN) {
      dest[i] = DEST_DROP | DROP.runt;
      continue;
    }
    const at = start[i];
    const hi = srcHi(view, at);
    if (isGroup(hi) || (hi === 0 && srcLo(view, at) === 0)) {
      dest[i] = DEST_DROP | DROP.bad_source;
      continue;
    }
    if ((batch.gsoType[i] !== 0 || batch.csumStart[i] !== 0) && !checkOffload(batch, i)) {
      dest[i] = DEST_DROP | DROP.bad_offload;
      continue;
    }
    if (batch.gsoType[i] !== 0) {
      const payload = received - batch.headerLength[i];
      values[counter + PORT.receivedSegments] += Math.ceil(payload / batch.gsoSize[i]);
    }
    let restAt = at + MACS_LEN;
    let type = etherType(view, at);
    let vid = topology.pvid[port];
    if ((topology.flags[port] & PORT_FLAG.vlanAware) !== 0) {
      if (type === TPID_8021Q) {
        if (received < HEADER_LEN + TAG_LEN) {
          dest[i] = DEST_DROP | DROP.runt;
          continue;
        }
        const tci = view.getUint16(at + HEADER_LEN);
        const tagVid = tci & VID_MASK;
        if (tagVid === VID_RESERVED) {
          dest[i] = DEST_DROP | DROP.vlan_invalid;
          continue;
        }
        if (tagVid !== 0) vid = tagVid; // 0 is a priority tag: the port's own VLAN
        tag[i] = (TPID_8021Q << 16) | tci;
        stripTag(batch, i);
        restAt += TAG_LEN;
        type = view.getUint16(restAt);
      }
      if (vid === 0) {
        dest[i] = DEST_DROP | DROP.vlan_untagged;
        continue;
      }
    }
    const membership = topology.vlan[port * VLAN_STRIDE + vid];
    if (membership === 0) {
      dest[i] = DEST_DROP | (vid === 0 ? DROP.port_removed : DROP.vlan_not_allowed);
      continue;
    }
    rest[i] = restAt;
    batch.domain[i] = membership >>> 8;
    // Tags that stay in the frame (VLAN-unaware bridge, or a second tag) do not count against an MTU.
    let l3At = HEADER_LEN;
    const untagged = length[i];
    while (isTpid(type) && l3At <= HEADER_LEN + TAG_LEN && l3At + TAG_LEN <= untagged) {
      l3At += TAG_LEN;
      type = view.getUint16(restAt + l3At - HEADER_LEN);
    }
    l3[i] = l3At;
    l3Length[i] = (batch.gsoType[i] === 0 ? untagged : batch.headerLength[i] + batch.gsoSize[i]) - l3At;
  }
}

/** Columns of a frame whose tag is taken off: everything behind the MACs moves 4 bytes closer. */
function stripTag(batch: FrameBatch, i: number): void {
  batch.length[i] -= TAG_LEN;
  if (batch.csumStart[i] !== 0) batch.csumStart[i] -= TAG_LEN;
  if (batch.gsoType[i] !== 0) batch.headerLength[i] -= TAG_LEN;
}

/** Learns source addresses. Relies on `classify`: unicast source, domain known. */
export function learn(
  batch: FrameBatch,
  topology: Topology,
  fdb: Fdb,
  counters: Counters,
  tick: number,
): void {
  const { view, start, ingress, domain, dest } = batch;
  for (let i = 0; i < batch.count; i++) {
    if (dest[i] !== 0) continue;
    const hop = ingress[i];
    const port = hop & PORT_MASK;
    const flags = topology.flags[port];
    if ((flags & PORT_FLAG.learning) === 0) continue;
    const at = start[i];
    const noRemote = (flags & PORT_FLAG.tunnel) !== 0 && hop >>> PORT_BITS === 0;
    const result = noRemote ? REFUSED : fdb.learn(domain[i], srcHi(view, at), srcLo(view, at), hop, tick);
    if (result === KNOWN) continue;
    if (result === REFUSED) counters.values[counters.port(port) + PORT.learnRefused] += 1;
    if (result === MOVED) counters.values[counters.port(port) + PORT.stationMoves] += 1;
  }
}

/** Gives each frame one destination: a next hop, a flood list, or a drop. Relies on `classify`. */
export function decide(batch: FrameBatch, topology: Topology, fdb: Fdb, tick: number): void {
  const { view, start, domain, dest } = batch;
  for (let i = 0; i < batch.count; i++) {
    if (dest[i] !== 0) continue;
    const at = start[i];
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    if (!isGroup(hi)) {
      const hop = fdb.lookup(domain[i], hi, lo, tick);
      dest[i] = hop !== 0 ? hop : DEST_LIST | (2 * domain[i] + 1);
    } else if (isReservedGroup(hi, lo) && !mayForward(topology, domain[i], lo & 15)) {
      dest[i] = DEST_DROP | DROP.reserved_group;
    } else {
      dest[i] = DEST_LIST | (2 * domain[i]);
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
