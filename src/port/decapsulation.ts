// What comes out of a tunnel: inner frames, each with the next hop that is its sender.
//
// Anybody can send to a VTEP's socket. Remotes are rows of a bounded table, and what carries no valid VNI, header or inner
// frame is counted as a drop of port 0, which is nobody. Trains of datagrams (UDP_GRO) become super-frames again: gro.ts.

import { COLUMN, FRAMES_PER_SLOT, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, hop, NOBODY, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Burst, RX } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import type { Remotes } from '../table/remotes.ts';
import * as ecn from '../wire/ecn.ts';
import { HEADER_LEN, isGroup, MACS_LEN, srcHi, srcLo, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import { Gro } from './gro.ts';
import { restoreOffload } from './partial_checksum.ts';
import type { VniRegistry } from './vni_registry.ts';
import type { VxlanPort } from './vxlan_port.ts';

export class Decapsulation {
  /** By port index, of the current topology. */
  mtu: Uint32Array = new Uint32Array(0);
  /** Whether the current topology lets a frame in through a port, by the four bytes behind its MACs. */
  mayEnter: (port: number, tag: number) => boolean = () => true;
  /** The time in whole seconds at which senders are learned; -1 = that of the burst. */
  second = -1;
  private readonly burst: Burst;
  private readonly registry: VniRegistry;
  private readonly remotes: Remotes;
  private readonly gro: Gro;
  /** Within what was received at once: the port that it was for last, and the next hop that is its sender. */
  private learnedPort = NOBODY;
  private learned = 0;

  constructor(burst: Burst, registry: VniRegistry, remotes: Remotes) {
    this.burst = burst;
    this.registry = registry;
    this.remotes = remotes;
    this.gro = new Gro(burst);
  }

  /**
   * Appends the inner frames of what the socket of `vtep` received into the next slot: `length` bytes, a datagram or a train
   * of them. `from` is the offset of the slot's row in `burst.rx`. Checks every length; a bad datagram becomes a drop.
   */
  receive(batch: FrameBatch, vtep: number, length: number, from: number): void {
    const { rows } = batch;
    const first = batch.count * ROW;
    let at = batch.takeSlot();
    this.learnedPort = NOBODY;
    const stride = this.burst.rx[from + RX.train];
    if (stride <= 0 || stride >= length) {
      this.unpack(batch, vtep, at, length, from);
    } else {
      const end = at + length;
      const last = first + (FRAMES_PER_SLOT - 1) * ROW;
      for (; at < end; at += stride) {
        if (batch.count * ROW === last && end - at > stride) {
          // No kernel makes longer trains.
          rows[batch.appendAt(at, NOBODY, end - at) + COLUMN.dest] = DEST_DROP | DROP.truncated;
          break;
        }
        this.unpack(batch, vtep, at, Math.min(stride, end - at), from);
      }
      this.gro.joinTrain(batch, first, stride);
    }
    for (let row = first; row < batch.count * ROW; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0 || rows[row + COLUMN.gsoType] !== 0) continue;
      restoreOffload(batch, row, this.mtu[rows[row + COLUMN.ingress] & PORT_MASK]);
    }
  }

  /** As `receive`, of the one datagram at `at` in a slot that is taken. Returns its row. */
  receiveAt(batch: FrameBatch, vtep: number, at: number, length: number, from: number): number {
    this.learnedPort = NOBODY;
    return this.unpack(batch, vtep, at, length, from);
  }

  /** Appends the inner frame of the datagram of `length` bytes at `at`; returns its row. */
  private unpack(batch: FrameBatch, vtep: number, at: number, length: number, from: number): number {
    const { view, rows } = batch;
    const inner = at + vxlan.HEADER_LEN;
    const row = batch.appendAt(inner, NOBODY, Math.max(0, length - vxlan.HEADER_LEN));
    if (length < vxlan.HEADER_LEN + HEADER_LEN || !vxlan.hasVni(view, at)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_header;
      return row;
    }
    const port = this.registry.find(vtep, vxlan.vni(view, at));
    if (port === undefined) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_unknown_vni;
      return row;
    }
    if (port.port !== this.learnedPort) this.learn(port, from, 0);
    if (this.learned >>> PORT_BITS === 0 && !port.remoteLearning) {
      rows[row + COLUMN.ingress] = this.learned;
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_unknown_remote;
      return row;
    }
    if (!mergeEcn(view, inner, at + length, this.burst.rx[from + RX.tos] & ecn.MASK)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_ecn;
    } else if (this.learned >>> PORT_BITS === 0 && this.isAccepted(view, inner, at + length, port.port)) {
      this.learn(port, from, port.maxRemotes);
    }
    rows[row + COLUMN.ingress] = this.learned;
    return row;
  }

  /** Whether classify will take the inner frame at `start` .. `end`: a stranger has no row for one that it drops. */
  private isAccepted(view: DataView, start: number, end: number, port: number): boolean {
    const hi = srcHi(view, start);
    if (isGroup(hi) || (hi | srcLo(view, start)) === 0) return false;
    const tagAt = start + MACS_LEN;
    return this.mayEnter(port, end - start >= HEADER_LEN + vlan.TAG_LEN ? vlan.read(view, tagAt) : 0);
  }

  /** Finds the sender of row `from` among the remotes of `port`, or learns it if those are fewer than `limit`. */
  private learn(port: VxlanPort, from: number, limit: number): void {
    const { rx } = this.burst;
    const a = from + RX.address;
    const second = this.second < 0 ? this.burst.second : this.second;
    const remote = this.remotes.learn(port.port, rx[a], rx[a + 1], rx[a + 2], rx[a + 3], second, limit);
    this.learnedPort = port.port;
    this.learned = hop(port.port, remote);
  }
}

/** Merges the outer congestion mark into the inner frame at `start` .. `end` (RFC 6040). False = drop it. */
function mergeEcn(view: DataView, start: number, end: number, outer: number): boolean {
  if (outer === ecn.NOT_ECT) return true;
  const typeAt = vlan.skip(view, start + MACS_LEN, end);
  if (typeAt < 0) return true;
  const type = view.getUint16(typeAt);
  const l3 = typeAt + 2;
  const isIp =
    (type === TYPE_IPV4 && end - l3 >= ipv4.HEADER_LEN) ||
    (type === TYPE_IPV6 && end - l3 >= ipv6.HEADER_LEN);
  if (!isIp) return true;
  const before = ecn.ecn(view, l3);
  const after = ecn.decapsulate(before, outer);
  if (after === ecn.DROP) return false;
  if (after !== before) ecn.setEcn(view, l3, after);
  return true;
}
