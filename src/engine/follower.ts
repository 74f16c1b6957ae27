// Keeps copies of the next frames of a port that match, together with what was decided of each: a live trace. It stands
// among the engine's ingress passes only while somebody follows, and holds at most `limit` frames of SNAP bytes.
//
//   frame:  | bytes as received, up to SNAP |      columns: the frame's row, `start` and `rest` counted from its first byte

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DIRECT, DEST_DROP, DEST_VALUE, PORT_MASK } from '../frame/hop.ts';
import { DROP, type DropName } from '../table/drops.ts';
import {
  dstHi,
  dstLo,
  etherType,
  HEADER_LEN,
  isReservedGroup,
  MACS_LEN,
  PAUSE,
  srcHi,
  srcLo,
} from '../wire/ethernet.ts';
import { skip, TAG_LEN, TPID_8021Q, VID_MASK } from '../wire/vlan.ts';
import { type IngressPass, receivedLength } from './passes.ts';
import type { Topology } from './topology.ts';

/** Bytes kept of a frame: all of an ordinary one, and all headers of a super-frame. */
const SNAP = 2048;

/** Drops of frames whose domain is known. */
const LATER: ReadonlySet<number> = new Set(
  (
    [
      'vlan_not_allowed',
      'port_blocked',
      'hook',
      'acl_in',
      'acl_policed_in',
      'policed_receive',
      'tenant_bandwidth_receive',
      'policy_out',
      'policy_invalid',
      'policy_window',
      'policy_fragment',
      'routed_connection_limit',
      'locked',
      'address_limit',
      'unknown_multicast',
      'storm_broadcast',
      'storm_multicast',
      'storm_unknown_unicast',
      'loop',
      'tunnel_mac',
      'tunnel_limit',
    ] satisfies DropName[]
  ).map((name) => DROP[name]),
);

/** What a frame has to have; undefined = any. Another way to choose frames is another kind of `matches`. */
export interface FollowFilter {
  port: number;
  src?: { hi: number; lo: number };
  dst?: { hi: number; lo: number };
  /** VLAN in which it was forwarded, or that its tag names if it got into none. */
  vlan?: number;
  /** Behind all tags. */
  etherType?: number;
}

export interface FollowedFrame {
  bytes: Uint8Array;
  /** As received, of which `bytes` may be the beginning only. */
  length: number;
  columns: Int32Array;
  /** Of the topology by which it was decided. */
  serial: number;
  /** ms, the engine's clock. */
  at: number;
}

export class Follower implements IngressPass {
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  private readonly filter: FollowFilter;
  private left: number;
  private frames: FollowedFrame[] = [];

  constructor(batch: FrameBatch, clock: Float64Array, filter: FollowFilter, limit: number) {
    this.batch = batch;
    this.clock = clock;
    this.filter = filter;
    this.left = limit;
  }

  get isDone(): boolean {
    return this.left === 0;
  }

  /** What was kept since it was asked last. */
  take(): FollowedFrame[] {
    const { frames } = this;
    this.frames = [];
    return frames;
  }

  rows(topology: Topology, from: number, to: number): void {
    const { rows } = this.batch;
    for (let row = from; row < to && this.left > 0; row += ROW) {
      if ((rows[row + COLUMN.ingress] & PORT_MASK) !== this.filter.port) continue;
      if (rows[row + COLUMN.dest] === DEST_DIRECT) continue; // the host's own, on its way out
      if (this.matches(row)) this.keep(topology, row);
    }
  }

  private matches(row: number): boolean {
    const { rows, view } = this.batch;
    const { src, dst, vlan, etherType: type } = this.filter;
    const at = rows[row + COLUMN.start];
    const length = this.lengthOf(row);
    if (length < HEADER_LEN) return src === undefined && dst === undefined && vlan === undefined && !type;
    if (src !== undefined && (srcHi(view, at) !== src.hi || srcLo(view, at) !== src.lo)) return false;
    if (dst !== undefined && (dstHi(view, at) !== dst.hi || dstLo(view, at) !== dst.lo)) return false;
    if (vlan !== undefined && this.vlanOf(row, length) !== vlan) return false;
    if (type === undefined) return true;
    const typeAt = skip(view, at + MACS_LEN, at + length);
    return typeAt >= 0 && view.getUint16(typeAt) === type;
  }

  private vlanOf(row: number, length: number): number {
    const { rows, view } = this.batch;
    if (isClassified(this.batch, row)) return rows[row + COLUMN.tci] & VID_MASK;
    const at = rows[row + COLUMN.start];
    const isTagged = length >= HEADER_LEN + TAG_LEN && etherType(view, at) === TPID_8021Q;
    return isTagged ? view.getUint16(at + HEADER_LEN) & VID_MASK : 0;
  }

  private keep(topology: Topology, row: number): void {
    const { rows, bytes } = this.batch;
    const start = rows[row + COLUMN.start];
    const length = this.lengthOf(row);
    const columns = rows.slice(row, row + ROW);
    columns[COLUMN.start] = 0;
    columns[COLUMN.rest] -= start;
    if (!isClassified(this.batch, row) || columns[COLUMN.dest] === DEST_CONSUMED) {
      columns.fill(0, COLUMN.domain, COLUMN.tci + 1); // what is there is another frame's
      columns[COLUMN.rest] = MACS_LEN;
    }
    this.frames.push({
      bytes: Uint8Array.from(bytes.subarray(start, start + Math.min(length, SNAP))),
      length,
      columns,
      serial: topology.serial,
      at: this.clock[0],
    });
    this.left--;
  }

  private lengthOf(row: number): number {
    const { rows } = this.batch;
    return isClassified(this.batch, row) ? receivedLength(this.batch, row) : rows[row + COLUMN.length];
  }
}

/** Whether `classify` came so far as to take off the tag: else columns from `rest` on are those of another frame. */
function isClassified({ rows, view }: FrameBatch, row: number): boolean {
  const dest = rows[row + COLUMN.dest];
  if ((dest & DEST_CONSUMED) !== DEST_DROP) return true;
  const drop = dest & DEST_VALUE;
  if (drop !== DROP.reserved_group) return LATER.has(drop);
  // PAUSE goes first of all; the others are found out when everything is known.
  const at = rows[row + COLUMN.start];
  const lo = dstLo(view, at);
  return !isReservedGroup(dstHi(view, at), lo) || (lo & 15) !== PAUSE;
}
