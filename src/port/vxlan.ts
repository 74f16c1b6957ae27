// VXLAN (RFC 7348): frames to and from remote VTEPs, one UDP datagram each; a super-frame becomes one for each segment.
//
//   header in aux:  | sockaddr, 28 | pad | VXLAN, 8 | MACs, 12 | tag, 0 or 4 |     rest: straight from the frame
//   super-frame:    | sockaddr, 28 | pad | VXLAN, 8 | MACs, 12 | tag, 0 or 4 | inner headers |     payload: the same
//
// There are six complications.
// First, one UDP socket receives for all VNIs of its (local address, port), so ports are found by VNI.
// Second, remotes on the path spread load by the outer source port, and a UDP socket has only one: each port sends
// through a pool of sockets, chosen by a hash of the inner flow, so that a flow keeps its port and stays in order.
// Third, a VTEP must not forward congestion marks blindly (RFC 6040).
// Fourth, anybody can send to the socket: remotes are rows of a bounded table, and what carries no valid VNI, header or
// inner frame is counted as a drop of port 0, which is nobody.
// Fifth, segments that were made here would each cost a walk through the kernel's stack: a super-frame is sent with
// UDP_SEGMENT, as at most 64 segments and 65,507 bytes at a time, until the kernel refuses that once.
// Sixth, the same on the way in: the kernel hands over trains of datagrams (UDP_GRO), whose inner TCP segments become
// super-frames again (gro.ts).

import { COLUMN, FRAMES_PER_SLOT, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, hop, NOBODY, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Burst, KIND, MAX_SEGMENT_BYTES, MAX_SEGMENTS, RX, TX } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Remotes } from '../table/remotes.ts';
import { copyMacs, HEADER_LEN, MACS_LEN } from '../wire/ethernet.ts';
import { flowHash } from '../wire/flow_hash.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import type { Mac } from '../wire/mac.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import { BurstSink } from './burst_sink.ts';
import { ECN_MASK, mergeEcn, outerTos, writeHeader } from './encapsulation.ts';
import { Gro } from './gro.ts';
import { restoreOffload } from './partial_checksum.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const VXLAN_AT = 32;
const MACS_AT = VXLAN_AT + vxlan.HEADER_LEN;

/** What the data plane needs to know of the TAP under a tunnel: see underlay_tap.ts. */
export interface Underlay {
  fd: number;
  /** Address of the interface. */
  mac: Mac;
  /** IPv4 address of this end. */
  local: number;
  ttl: number;
  /** The first UDP source port, and how many there are. */
  sourcePort: number;
  sourcePorts: number;
}

/** What the data plane needs to know of a VXLAN port. */
export interface VxlanPort {
  port: number;
  vni: number;
  /** Number of the receiving socket that it listens on. */
  vtep: number;
  family: 4 | 6;
  dstPort: number;
  /** Sending sockets, a power of two. */
  senders: number[];
  /** Use UDP_SEGMENT. The kernel does so only for sockets that send checksums. */
  udpSegment: boolean;
  /** Outer TOS without its ECN bits, or -1 for the inner packet's. */
  tos: number;
  remoteLearning: boolean;
  /** Most remotes that may be learned. */
  maxRemotes: number;
  /** The TAP through which it sends and receives instead of sockets. Then `senders` is empty. */
  underlay?: Underlay;
}

export class Vxlan extends BurstSink {
  /** By port index, of the current topology. */
  mtu: Uint32Array = new Uint32Array(0);
  /** The time in whole seconds at which datagrams are heard; -1 = that of the burst. */
  second = -1;
  /** Ports for which the kernel refused UDP_SEGMENT since the last look: [port, errno]. */
  readonly refused: [port: number, errno: number][] = [];
  private readonly remotes: Remotes;
  private readonly gro: Gro;
  /** Within what was received at once: the port that it was for last, and the next hop that is its sender. */
  private heardPort = NOBODY;
  private heard = 0;
  /** By port index. */
  private readonly ports: (VxlanPort | undefined)[] = [];
  /** By VTEP, then by VNI. */
  private readonly byVni: (Map<number, VxlanPort> | undefined)[] = [];

  constructor(burst: Burst, counters: Counters, remotes: Remotes) {
    super(burst, counters);
    this.remotes = remotes;
    this.gro = new Gro(burst);
  }

  add(port: VxlanPort): void {
    this.ports[port.port] = port;
    const ports = this.byVni[port.vtep] ?? new Map<number, VxlanPort>();
    this.byVni[port.vtep] = ports.set(port.vni, port);
    this.counters.setUp(port.port, 1);
  }

  remove(port: number): void {
    const old = this.ports[port];
    if (old === undefined) return;
    this.ports[port] = undefined;
    const ports = this.byVni[old.vtep];
    ports?.delete(old.vni);
    if (ports?.size === 0) this.byVni[old.vtep] = undefined;
    this.counters.setUp(port, 0);
  }

  /** Ports that receive from this VTEP. */
  portsOf(vtep: number): number[] {
    return [...(this.byVni[vtep]?.values() ?? [])].map(({ port }) => port);
  }

  /**
   * Appends the inner frames of what `vtep` received into the next slot: `length` bytes, a datagram or a train of them.
   * `from` is the offset of the slot's row in `burst.rx`. Checks every length; a bad datagram becomes a drop.
   */
  decapsulate(batch: FrameBatch, vtep: number, length: number, from: number): void {
    const { rows } = batch;
    const first = batch.count * ROW;
    let at = batch.takeSlot();
    this.heardPort = NOBODY;
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
      this.gro.coalesce(batch, first, stride);
    }
    for (let row = first; row < batch.count * ROW; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0 || rows[row + COLUMN.gsoType] !== 0) continue;
      restoreOffload(batch, row, this.mtu[rows[row + COLUMN.ingress] & PORT_MASK]);
    }
  }

  /** As `decapsulate`, of the one datagram at `at` in a slot that is taken. Returns its row. */
  decapsulateAt(batch: FrameBatch, vtep: number, at: number, length: number, from: number): number {
    this.heardPort = NOBODY;
    return this.unpack(batch, vtep, at, length, from);
  }

  /** Appends the inner frame of the datagram of `length` bytes at `at`; returns its row. */
  private unpack(batch: FrameBatch, vtep: number, at: number, length: number, from: number): number {
    const { view, rows } = batch;
    const { rx } = this.burst;
    const inner = at + vxlan.HEADER_LEN;
    const row = batch.appendAt(inner, NOBODY, Math.max(0, length - vxlan.HEADER_LEN));
    if (length < vxlan.HEADER_LEN + HEADER_LEN || !vxlan.hasVni(view, at)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_header;
      return row;
    }
    const port = this.byVni[vtep]?.get(vxlan.vni(view, at));
    if (port === undefined) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_unknown_vni;
      return row;
    }
    if (port.port !== this.heardPort) this.learn(port, from);
    rows[row + COLUMN.ingress] = this.heard;
    if (this.heard >>> PORT_BITS === 0 && !port.remoteLearning) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_unknown_remote;
      return row;
    }
    const outer = rx[from + RX.tos] & ECN_MASK;
    if (!mergeEcn(view, inner, at + length, outer)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_ecn;
    }
    return row;
  }

  /** Finds or learns the sender of row `from` among the remotes of `port`. */
  private learn(port: VxlanPort, from: number): void {
    const { rx } = this.burst;
    const a = from + RX.address;
    const second = this.second < 0 ? this.burst.second : this.second;
    const limit = port.remoteLearning ? port.maxRemotes : 0;
    const remote = this.remotes.learn(port.port, rx[a], rx[a + 1], rx[a + 2], rx[a + 3], second, limit);
    this.heardPort = port.port;
    this.heard = hop(port.port, remote);
  }

  protected offloadsOf(): number {
    return 0;
  }

  protected emit(
    batch: FrameBatch,
    hop: number,
    macs: number,
    rest: number,
    length: number,
    tag: number,
    _row: number,
    isLast: boolean,
  ): void {
    const { view } = batch;
    const port = this.portOf(hop);
    if (port === undefined) {
      if (isLast) this.refuse(hop & PORT_MASK, DROP.no_remote);
      return;
    }
    const at = this.header(batch);
    const restAt = writeHeader(view, at + VXLAN_AT, port.vni, tag);
    copyMacs(view, macs, at + MACS_AT);
    const entry = this.entry(port.port, isLast);
    const { tx } = this.burst;
    tx[entry + TX.kind] = KIND.udp;
    tx[entry + TX.pieces] = 2;
    tx[entry + TX.piece] = at + VXLAN_AT;
    tx[entry + TX.piece + 1] = restAt - at - VXLAN_AT;
    tx[entry + TX.piece + 2] = rest;
    tx[entry + TX.piece + 3] = length - MACS_LEN;
    this.address(entry, view, at, port, hop >>> PORT_BITS, macs, rest, length);
  }

  protected override segment(batch: FrameBatch, row: number, hop: number, tag: number): void {
    const { view, rows } = batch;
    const port = this.portOf(hop);
    if (port === undefined) {
      this.refuse(hop & PORT_MASK, DROP.no_remote);
      return;
    }
    const { segmenter } = this;
    const count = segmenter.begin(batch, row);
    if (count < 0) {
      this.refuse(port.port, DROP.bad_packet);
      return;
    }
    this.copySegments = count;
    const { headerLength, l3, l4 } = segmenter;
    const room = MACS_AT + vlan.TAG_LEN + headerLength;
    const longest = vxlan.HEADER_LEN + vlan.TAG_LEN + segmenter.maxLength;
    // A segment that no datagram holds is refused by the kernel (EMSGSIZE), and too big.
    const limit = Math.max(1, Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENT_BYTES / longest)));
    const { tx } = this.burst;
    for (let left = count; left > 0; left -= limit) {
      const at = this.room(batch, room);
      const restAt = writeHeader(view, at + VXLAN_AT, port.vni, tag);
      const payload = segmenter.part(batch, at + MACS_AT, restAt, limit);
      const origin = restAt - MACS_LEN - at - VXLAN_AT; // of the untagged frame, in the first piece
      const entry = this.entry(port.port, left <= limit);
      tx[entry + TX.kind] = KIND.segments;
      tx[entry + TX.pieces] = 2;
      tx[entry + TX.piece] = at + VXLAN_AT;
      tx[entry + TX.piece + 1] = origin + headerLength;
      tx[entry + TX.piece + 2] = segmenter.payload;
      tx[entry + TX.piece + 3] = payload;
      tx[entry + TX.segment] = segmenter.gsoSize | ((segmenter.isTcp ? PROTOCOL_TCP : PROTOCOL_UDP) << 16);
      tx[entry + TX.layers] = ((origin + l3) << 16) | (origin + l4);
      tx[entry + TX.udpSegment] = port.udpSegment ? 1 : 0;
      const length = rows[row + COLUMN.length];
      const start = rows[row + COLUMN.start];
      this.address(entry, view, at, port, hop >>> PORT_BITS, start, rows[row + COLUMN.rest], length);
    }
  }

  protected override sent(index: number, _drop: number, entry: number): void {
    const { tx } = this.burst;
    if (tx[entry + TX.kind] !== KIND.segments || tx[entry + TX.udpSegment] >= 0) return;
    const port = this.ports[index];
    if (port === undefined || !port.udpSegment) return;
    port.udpSegment = false;
    this.refused.push([index, -tx[entry + TX.udpSegment]]);
  }

  /** The port of a next hop, if there are such a port and such a remote. */
  portOf(hop: number): VxlanPort | undefined {
    const index = hop & PORT_MASK;
    return this.remotes.portOf(hop >>> PORT_BITS) === index ? this.ports[index] : undefined;
  }

  /** Words of an entry that say from where and to where. Frame as in `emit`; `at` is the room for its header. */
  private address(
    entry: number,
    view: DataView,
    at: number,
    port: VxlanPort,
    remote: number,
    macs: number,
    rest: number,
    length: number,
  ): void {
    const tos = outerTos(view, rest, length, port.tos);
    const { tx } = this.burst;
    tx[entry + TX.fd] = port.senders[flowHash(view, macs, rest, length) & (port.senders.length - 1)];
    tx[entry + TX.sockaddr] = at;
    tx[entry + TX.sockaddrLength] = this.writeSockaddr(view, at, port, remote);
    tx[entry + TX.tos] = tos === Math.max(0, port.tos) ? -1 : tos;
  }

  /** struct sockaddr_in or sockaddr_in6 of a remote; returns its length. */
  private writeSockaddr(view: DataView, at: number, port: VxlanPort, remote: number): number {
    const { remotes } = this;
    view.setUint16(at, port.family === 4 ? AF_INET : AF_INET6, true);
    view.setUint16(at + 2, port.dstPort);
    if (port.family === 4) {
      view.setInt32(at + 4, remotes.address(remote, 0), true);
      view.setInt32(at + 8, 0);
      view.setInt32(at + 12, 0);
      return SOCKADDR_IN;
    }
    view.setInt32(at + 4, 0); // flow label
    for (let word = 0; word < 4; word++) {
      view.setInt32(at + 8 + 4 * word, remotes.address(remote, word), true);
    }
    view.setInt32(at + 24, 0); // scope
    return SOCKADDR_IN6;
  }
}
