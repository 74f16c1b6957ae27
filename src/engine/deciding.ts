// The stage that decides: one destination for each frame, a next hop, a flood list, or a drop. Closures, as in stages.ts.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, NOBODY, PORT_MASK } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import type { Fdb } from '../table/fdb.ts';
import { KEY, KEY_WORDS } from '../table/search.ts';
import { dstHi, dstLo, isGroup, isReservedGroup } from '../wire/ethernet.ts';
import { DST, keysOf } from './row_keys.ts';
import type { Snooping } from './snooping.ts';
import {
  DOMAIN_SHIFT,
  FORWARDING,
  FRAME_KIND,
  ingressWord,
  SAME,
  SNOOPING,
  type Topology,
} from './topology.ts';

export interface Deciding {
  decide(topology: Topology, fdb: Fdb, tick: number): void;
  decideListed(topology: Topology, fdb: Fdb, tick: number, from: number): void;
  /** Decides the rows from `from` on once more: the topology, a port's state or an entry has changed since. */
  decideAgain(topology: Topology, fdb: Fdb, tick: number, from: number): void;
  decideListedAgain(topology: Topology, fdb: Fdb, tick: number, from: number): void;
}

/** @param keys of the search */
export function createDeciding(batch: FrameBatch, keys: Int32Array, snoop: Snooping): Deciding {
  const { view, rows } = batch;

  /** Gives each frame one destination: a next hop, a flood list, or a drop. Relies on `classify`. */
  function decide(topology: Topology, fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] === 0) decideOne(row, keysOf(row) | DST, topology, fdb, tick);
    }
  }

  /** The same for rows from place `from` of the batch's list on: only their destinations were looked up. */
  function decideListed(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const { list, listed } = batch;
    for (let n = from; n < listed; n++) {
      if (rows[list[n] + COLUMN.dest] === 0) decideOne(list[n], (n - from) * KEY_WORDS, topology, fdb, tick);
    }
  }

  /** @param k where the key of its destination is */
  function decideOne(row: number, k: number, topology: Topology, fdb: Fdb, tick: number): void {
    const hop = fdb.hopAt(keys[k | KEY.entry], rows[row + COLUMN.domain] >>> DOMAIN_SHIFT, tick);
    rows[row + COLUMN.dest] = hop !== 0 ? hop : decideOther(row, topology, fdb, tick);
  }

  /** For groups, unknown addresses, and addresses that were unknown when the search was made. */
  function decideOther(row: number, topology: Topology, fdb: Fdb, tick: number): number {
    const at = rows[row + COLUMN.start];
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const hi = dstHi(view, at);
    const lo = dstLo(view, at);
    if (!isGroup(hi)) {
      const hop = fdb.lookup(domain, hi, lo, tick);
      return hop !== 0 ? hop : DEST_LIST | (2 * domain + 1);
    }
    if ((rows[row + COLUMN.domain] & SNOOPING) !== 0 && !isReservedGroup(hi, lo)) return snoop(row);
    const isStopped =
      isReservedGroup(hi, lo) && !mayForward(topology, rows[row + COLUMN.ingress] & PORT_MASK, lo & 15);
    return isStopped ? DEST_DROP | DROP.reserved_group : DEST_LIST | (2 * domain);
  }

  /** Nobody changes the table meanwhile. A final verdict stays, as long as its frame may be where it is. */
  function decideAgain(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const end = batch.count * ROW;
    fdb.take();
    try {
      for (let row = from; row < end; row += ROW) decideOneAgain(row, topology, fdb, tick);
    } finally {
      fdb.release();
    }
  }

  /** The same for rows from place `from` of the batch's list on. */
  function decideListedAgain(topology: Topology, fdb: Fdb, tick: number, from: number): void {
    const { list, listed } = batch;
    fdb.take();
    try {
      for (let n = from; n < listed; n++) decideOneAgain(list[n], topology, fdb, tick);
    } finally {
      fdb.release();
    }
  }

  function decideOneAgain(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    // What the host says to a whole domain has no port.
    if ((rows[row + COLUMN.dest] & DEST_DROP) !== 0 || rows[row + COLUMN.ingress] === NOBODY) return;
    const word = ingressWord(topology, rows[row + COLUMN.ingress], rows[row + COLUMN.tci]);
    const before = rows[row + COLUMN.domain];
    const change = (word ^ before) & SAME;
    rows[row + COLUMN.domain] = (word & ~FRAME_KIND) | (before & FRAME_KIND);
    if (change !== 0) {
      const isBlocked = (change & ~FORWARDING) === 0;
      rows[row + COLUMN.dest] = DEST_DROP | (isBlocked ? DROP.port_blocked : DROP.reconfigured);
    } else if ((rows[row + COLUMN.mark] & MARK.decided) === 0) {
      rows[row + COLUMN.dest] = decideOther(row, topology, fdb, tick);
    }
  }

  return { decide, decideListed, decideAgain, decideListedAgain };
}

/**
 * 01:80:C2:00:00:0X as in Linux' br_handle_frame: BPDUs (0) pass while no spanning tree runs here, so that loops are detected; PAUSE (1)
 * never; others if `group_fwd_mask` of the ingress port or of its bridge says so. The configuration refuses what Linux does.
 */
function mayForward(topology: Topology, port: number, group: number): boolean {
  return group === 0 || (topology.groupFwdMask[port] & (1 << group)) !== 0;
}
