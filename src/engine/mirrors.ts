// Mirrors: copies of frames for somebody who watches. A frame is mirrored once by each mirror, however many of its ports it
// passes; a copy never is mirrored again.
//
//   in:   when a frame is decided, as it was received       out:  when a copy is about to leave, as it leaves
//
// A mirror's filter looks at the frame as it would be copied: by a frame that it rejects on its way in it is asked again on
// the way out.
//
// The copy goes past tables and port states straight into the queue of the watcher, whose device counts what it cannot take.
// To the bridge's own interface goes only what that neither sent nor receives anyway.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DIRECT, DEST_LIST, isDrop, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { BpfProgram } from '../wire/bpf.ts';
import { dstHi, dstLo, HEADER_LEN, isReservedGroup, MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN, VID_MASK } from '../wire/vlan.ts';
import type { Egress } from './egress.ts';
import {
  BPF_WORDS,
  MAX_MIRRORS,
  MIRROR,
  MIRROR_WORDS,
  type MirrorTable,
  TO,
  VLAN_WORDS,
} from './mirror_table.ts';
import { l3Length } from './offload.ts';
import { type EgressPass, type IngressPass, receivedTag } from './passes.ts';
import { COPY, COPY_FLAG, COPY_WORDS, type EgressQueue } from './port.ts';
import { FORWARDING, leavingTag, NO_EXIT, SAME, type Topology, VLAN_STRIDE } from './topology.ts';
import { WholeFrame } from './whole_frame.ts';

export class Mirrors implements IngressPass, EgressPass {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly egress: Egress;
  /** By row: mirrors that have copied it. */
  private readonly done: Uint16Array;
  /** By row: mirrors for which a rule of an access list wants it, whatever becomes of it. */
  private readonly wanted: Uint16Array;
  /** By mirror: frames since the last sample. A trace makes each due. */
  readonly skipped = new Int32Array(MAX_MIRRORS);
  /** By mirror: what it wants; null = every frame. */
  private readonly filters: (BpfProgram | null)[] = new Array(MAX_MIRRORS).fill(null);
  private readonly whole = new WholeFrame();

  constructor(batch: FrameBatch, counters: Counters, egress: Egress) {
    this.batch = batch;
    this.counters = counters;
    this.egress = egress;
    this.done = new Uint16Array(batch.rows.length / ROW);
    this.wanted = new Uint16Array(batch.rows.length / ROW);
  }

  /** Gets ready for the mirrors of a topology that comes into force. */
  load({ mirrors }: Topology): void {
    const count = mirrors === null ? 0 : mirrors.words.length / MIRROR_WORDS;
    for (let m = 0; m < MAX_MIRRORS; m++)
      this.filters[m] = mirrors === null || m >= count ? null : filterOf(mirrors, m);
  }

  rows(topology: Topology, from: number, to: number): void {
    const { batch, done } = this;
    const { mirrors } = topology;
    if (mirrors === null) return;
    const { rows } = batch;
    // Rows that are made later in this poll come behind these.
    done.fill(0);
    for (let row = from; row < to; row += ROW) {
      const wanted = this.wanted[row / ROW];
      let mask = mirrors.in[rows[row + COLUMN.source]];
      if ((mask | wanted) === 0) continue;
      mask = this.wasReceived(row) ? mask | wanted : wanted;
      if (mask === 0) continue;
      this.wanted[row / ROW] = 0;
      this.mirror(topology, mirrors, row, mask, receivedTag(batch, row), false);
    }
  }

  copies(topology: Topology, queue: EgressQueue, from: number): void {
    const { mirrors } = topology;
    if (mirrors === null) return;
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = from * COPY_WORDS; at < end; at += COPY_WORDS) {
      if ((copies[at + COPY.flags] & COPY_FLAG.mirrored) !== 0) continue;
      const mask = mirrors.out[copies[at + COPY.hop] & PORT_MASK];
      if (mask !== 0)
        this.mirror(topology, mirrors, copies[at + COPY.row], mask, copies[at + COPY.tag], true);
    }
  }

  /** Looks at a fresh row for these mirrors, too. */
  want(row: number, mask: number): void {
    this.wanted[row / ROW] |= mask;
  }

  /** Copies a row that came in anew. */
  mirrorRow(topology: Topology, row: number, mask: number): void {
    const { mirrors } = topology;
    if (mirrors !== null) this.mirror(topology, mirrors, row, mask, 0, false);
  }

  /** Copies what is about to leave with `tag`. */
  mirrorCopy(topology: Topology, row: number, mask: number, tag: number): void {
    const { mirrors } = topology;
    if (mirrors !== null) this.mirror(topology, mirrors, row, mask, tag, true);
  }

  /** Whether a row came in and was not refused. What the host sends did not, and of what it takes super-frames are not mirrored. */
  private wasReceived(row: number): boolean {
    const { rows } = this.batch;
    const dest = rows[row + COLUMN.dest];
    if (dest === DEST_CONSUMED) return rows[row + COLUMN.gsoType] === 0;
    return dest !== DEST_DIRECT && !isDrop(dest);
  }

  /** @param isPass whether a queue is being passed: then none may be drained */
  private mirror(
    topology: Topology,
    { words, vlans }: MirrorTable,
    row: number,
    mask: number,
    tag: number,
    isPass: boolean,
  ): void {
    const { rows } = this.batch;
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    const from = rows[row + COLUMN.ingress];
    // What the switch makes itself leaves once, in a row that is used again in this batch.
    const left = row > this.batch.spare ? mask : mask & ~this.done[row / ROW];
    for (let m = 0; left >>> m !== 0; m++) {
      if ((left & (1 << m)) === 0) continue;
      const at = m * MIRROR_WORDS;
      if (words[at + MIRROR.byVlan] !== 0 && (vlans[m * VLAN_WORDS + (vid >>> 5)] & (1 << (vid & 31))) === 0)
        continue;
      // What another switch has mirrored into this VLAN is not mirrored again.
      if (words[at + MIRROR.kind] === TO.vlan && words[at + MIRROR.vid] === vid) continue;
      // Nor does a frame go back to the remote that it came from: two that mirror to each other would never end.
      if (words[at + MIRROR.kind] === TO.port && words[at + MIRROR.to] === from) continue;
      if (words[at + MIRROR.kind] === TO.local && this.isLocals(topology, row, words[at + MIRROR.to]))
        continue;
      const filter = this.filters[m];
      if (filter !== null && !this.passes(filter, row, tag)) continue;
      this.done[row / ROW] |= 1 << m;
      // Whoever rewrites the frame from here on leaves this row and these bytes alone.
      rows[row + COLUMN.mark] |= MARK.shared;
      if (++this.skipped[m] < words[at + MIRROR.sample]) continue;
      this.skipped[m] = 0;
      if (words[at + MIRROR.kind] === TO.vlan) this.toVlan(topology, words, at, row, isPass);
      else this.add(topology, row, words[at + MIRROR.to], tag, words[at + MIRROR.snaplen], isPass);
    }
  }

  /** Whether the bridge's own interface sent the frame or gets it anyway. */
  private isLocals(topology: Topology, row: number, local: number): boolean {
    const { rows } = this.batch;
    if (((rows[row + COLUMN.ingress] ^ local) & PORT_MASK) === 0) return true;
    const dest = rows[row + COLUMN.dest];
    if ((dest & DEST_LIST) === 0) return dest === local;
    if ((dest & DEST_CONSUMED) === DEST_CONSUMED) return false; // the host's, or from it
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    const word = topology.vlan[(local & PORT_MASK) * VLAN_STRIDE + vid];
    return ((word ^ rows[row + COLUMN.domain]) & SAME) === 0;
  }

  /** Whether a filter keeps the untagged frame of `row` with `tag`. */
  private passes(filter: BpfProgram, row: number, tag: number): boolean {
    const { batch, whole } = this;
    const { rows } = batch;
    const length = rows[row + COLUMN.length] + (tag === 0 ? 0 : TAG_LEN);
    if (batch.isOwned(row)) {
      whole.gather(batch, row);
      return filter.run(whole.view, 0, MACS_LEN, length, tag) !== 0;
    }
    return filter.run(batch.view, rows[row + COLUMN.start], rows[row + COLUMN.rest], length, tag) !== 0;
  }

  /**
   * RSPAN: every port that forwards in the VLAN, also the one that the frame came from: the watcher may be behind the
   * same uplink as the guest's peer. What is for the next bridge itself would be taken there for a neighbour's.
   */
  private toVlan(topology: Topology, words: Int32Array, at: number, row: number, isPass: boolean): void {
    const list = words[at + MIRROR.to];
    const vid = words[at + MIRROR.vid];
    const { rows, view } = this.batch;
    const start = rows[row + COLUMN.start];
    if (isReservedGroup(dstHi(view, start), dstLo(view, start))) return;
    for (let k = topology.listAt[2 * list]; k < topology.listAt[2 * list + 1]; k++) {
      const hop = topology.hops[k];
      const word = topology.vlan[(hop & PORT_MASK) * VLAN_STRIDE + vid];
      if ((word & (FORWARDING | NO_EXIT)) !== FORWARDING) continue;
      const tag = leavingTag(topology, hop & PORT_MASK, word, vid);
      this.add(topology, row, hop, tag, words[at + MIRROR.snaplen], isPass);
    }
  }

  private add(
    topology: Topology,
    row: number,
    hop: number,
    tag: number,
    snaplen: number,
    isPass: boolean,
  ): void {
    const { batch, egress } = this;
    const { drops } = this.counters;
    const { rows } = batch;
    const port = hop & PORT_MASK;
    this.counters.values[this.counters.port(port) + PORT.copies] += 1;
    const queue = egress.queueOf[port];
    if (queue === undefined) {
      drops.count(row, port, DROP.device_gone);
      return;
    }
    const cut = Math.max(HEADER_LEN, snaplen);
    let copy = row;
    if (rows[row + COLUMN.length] > cut) {
      copy = batch.shadow(row, cut);
    } else if (l3Length(batch, row) > topology.mtu[port]) {
      drops.count(row, port, DROP.too_big);
      return;
    }
    if (copy < 0 || (isPass && queue.isFull)) {
      drops.count(row, port, DROP.queue_full);
      return;
    }
    if (isPass) queue.push(copy, hop, tag, COPY_FLAG.mirrored);
    else egress.push(topology, queue, copy, hop, tag, COPY_FLAG.mirrored);
  }
}

/** The program of mirror `m`, which the control plane has compiled, so it is one. */
function filterOf({ words, filters }: MirrorTable, m: number): BpfProgram | null {
  const at = words[m * MIRROR_WORDS + MIRROR.filterAt] * BPF_WORDS;
  const length = words[m * MIRROR_WORDS + MIRROR.filterLength];
  if (length === 0) return null;
  return new BpfProgram(
    Array.from({ length }, (_, n) => {
      const k = at + n * BPF_WORDS;
      return [filters[k], filters[k + 1], filters[k + 2], filters[k + 3] >>> 0] as const;
    }),
  );
}
