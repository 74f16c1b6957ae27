// The first stage: counts what was received, checks it, and finds its VLAN. A closure, as in stages.ts.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT, PORT_STRIDE } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Fdb } from '../table/fdb.ts';
import { KEY } from '../table/search.ts';
import {
  dstHi,
  dstLo,
  etherType,
  HEADER_LEN,
  isGroup,
  MACS_LEN,
  RESERVED_HI,
  srcHi,
  srcLo,
} from '../wire/ethernet.ts';
import { priority, TAG_LEN, TPID_8021Q, VID_MASK, VID_RESERVED } from '../wire/vlan.ts';
import { giveUp } from './give_up.ts';
import type { Learning } from './learning.ts';
import { maskIfZero } from './mask.ts';
import { checkOffload, moveOffload, segmentsOf } from './offload.ts';
import { DOMAIN_BITS, DST, keysOf } from './row_keys.ts';
import { VIDS } from './tag_table.ts';
import {
  ENTRY,
  FORWARDING,
  LEARNING,
  NO_ENTRY,
  NO_EXIT,
  OWN_TAGS,
  type Topology,
  TRAPPING,
  VLAN_AWARE,
  VLAN_STRIDE,
} from './topology.ts';
import type { Trapping } from './trapping.ts';

/** Takes all rows of a fresh batch. */
export type Classify = (topology: Topology, fdb: Fdb, tick: number) => void;

/** @param keys of the search, which it fills */
export function createClassify(
  batch: FrameBatch,
  counters: Counters,
  keys: Int32Array,
  isForHost: Trapping,
  { learnStranger }: Pick<Learning, 'learnStranger'>,
): Classify {
  const { view, rows } = batch;
  const { values } = counters;
  const portsAt = counters.port(0);

  /**
   * Counts what was received, checks every length once, strips the tag of VLAN-aware bridges and finds the domain.
   * Afterwards the columns describe the untagged frame, and `start` .. `rest` + `length` - 12 lies within its slot.
   * What is the host's leaves here, before anybody asks for its VLAN: a BPDU has none.
   */
  function classify(topology: Topology, fdb: Fdb, tick: number): void {
    const { pvid, vlan } = topology;
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      const port = rows[row + COLUMN.ingress] & PORT_MASK;
      const counter = portsAt + port * PORT_STRIDE;
      const length = rows[row + COLUMN.length];
      values[counter + PORT.receivedFrames] += 1;
      values[counter + PORT.receivedBytes] += length;
      rows[row + COLUMN.source] = port;
      if (rows[row + COLUMN.dest] !== 0) {
        giveUp(rows, row, rows[row + COLUMN.dest]);
        continue;
      }
      if (length < HEADER_LEN) {
        giveUp(rows, row, DEST_DROP | DROP.runt);
        continue;
      }
      const at = rows[row + COLUMN.start];
      const hi = srcHi(view, at);
      const lo = srcLo(view, at);
      if (isGroup(hi) || (hi | lo) === 0) {
        giveUp(rows, row, DEST_DROP | DROP.bad_source);
        continue;
      }
      const isOffload = (rows[row + COLUMN.gsoType] | rows[row + COLUMN.csumStart]) !== 0;
      if (isOffload) {
        if (!checkOffload(batch, row)) {
          giveUp(rows, row, DEST_DROP | DROP.bad_offload);
          continue;
        }
        values[counter + PORT.receivedSegments] += segmentsOf(batch, row);
      }
      const toHi = dstHi(view, at);
      if ((toHi === RESERVED_HI || (pvid[port] & TRAPPING) !== 0) && isForHost(row, topology)) continue;
      let restAt = at + MACS_LEN;
      let vid = pvid[port] & VID_MASK;
      let tci = 0;
      if ((pvid[port] & VLAN_AWARE) !== 0) {
        let tagLength = 0;
        if ((pvid[port] & OWN_TAGS) === 0) {
          const ifTagged = maskIfZero(etherType(view, at) ^ TPID_8021Q);
          tagLength = TAG_LEN & ifTagged;
          if (length < HEADER_LEN + tagLength) {
            giveUp(rows, row, DEST_DROP | DROP.runt);
            continue;
          }
          tci = view.getUint16(at + HEADER_LEN) & ifTagged; // whatever lies there is masked
          const tagVid = tci & VID_MASK;
          if (tagVid === VID_RESERVED) {
            giveUp(rows, row, DEST_DROP | DROP.vlan_invalid);
            continue;
          }
          vid = tagVid | (vid & maskIfZero(tagVid)); // 0 is a priority tag: the port's own VLAN
          if (vid === 0) {
            giveUp(rows, row, DEST_DROP | DROP.vlan_untagged);
            continue;
          }
        } else {
          const read = readOwnTag(at, length, port, topology);
          if (read < 0) {
            giveUp(rows, row, DEST_DROP | ~read);
            continue;
          }
          tagLength = read >>> 16;
          tci = read;
          vid = read & VID_MASK;
        }
        restAt += tagLength;
        rows[row + COLUMN.length] = length - tagLength;
        if (isOffload) moveOffload(rows, row, tagLength);
      }
      const membership = vlan[port * VLAN_STRIDE + vid];
      rows[row + COLUMN.rest] = restAt;
      rows[row + COLUMN.domain] = membership;
      rows[row + COLUMN.tci] = priority(tci) | vid;
      if ((membership & ENTRY) !== FORWARDING) {
        if ((membership & ENTRY) !== (FORWARDING | NO_EXIT)) {
          rows[row + COLUMN.dest] = DEST_DROP | blocked(row, membership, vid, topology, fdb, tick);
          continue;
        }
        rows[row + COLUMN.domain] = membership & ~NO_EXIT;
      }
      const domain = membership & DOMAIN_BITS;
      const k = keysOf(row);
      keys[k | KEY.hi] = domain | hi;
      keys[k | KEY.lo] = lo;
      keys[k | DST | KEY.hi] = domain | toHi;
      keys[k | DST | KEY.lo] = dstLo(view, at);
    }
  }

  /** Of a port that reads tags as `topology.tags` says: length to strip << 16 | TCI with the bridge's VLAN, or ~drop. */
  function readOwnTag(at: number, length: number, port: number, { pvid, tags }: Topology): number {
    if (tags === null) return ~DROP.reconfigured;
    const isTagged = etherType(view, at) === tags.tpid[port];
    if (isTagged && length < HEADER_LEN + TAG_LEN) return ~DROP.runt;
    const tci = isTagged ? view.getUint16(at + HEADER_LEN) : 0;
    const tagVid = tci & VID_MASK;
    const strip = isTagged ? TAG_LEN & tags.strips[port] : 0;
    if (tagVid === VID_RESERVED && strip !== 0) return ~DROP.vlan_invalid;
    if (tagVid === 0 && (pvid[port] & VID_MASK) === 0) return ~DROP.vlan_untagged;
    const vid = tagVid === 0 ? pvid[port] & VID_MASK : tags.vlans[tags.map[port] * VIDS + tagVid];
    return (strip << 16) | (tci & ~VID_MASK) | vid;
  }

  /** Why a frame goes no further whose port does not forward in its VLAN. In the learning state its source is learned. */
  function blocked(
    row: number,
    membership: number,
    vid: number,
    topology: Topology,
    fdb: Fdb,
    tick: number,
  ): number {
    if (membership === 0 || (membership & NO_ENTRY) !== 0)
      return vid === 0 ? DROP.reconfigured : DROP.vlan_not_allowed;
    if ((membership & LEARNING) !== 0) learnStranger(row, topology, fdb, tick);
    return DROP.port_blocked;
  }

  return classify;
}
