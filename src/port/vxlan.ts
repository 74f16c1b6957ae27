// VXLAN (RFC 7348): frames to and from remote VTEPs, one UDP datagram each.
//
//   header in aux:  | sockaddr, 28 | pad | VXLAN, 8 | MACs, 12 | tag, 0 or 4 |     rest: straight from the frame
//
// There are four complications.
// First, one UDP socket receives for all VNIs of its (local address, port), so ports are found by VNI.
// Second, remotes on the path spread load by the outer source port, and a UDP socket has only one: each port sends
// through a pool of sockets, chosen by a hash of the inner flow, so that a flow keeps its port and stays in order.
// Third, a VTEP must not forward congestion marks blindly (RFC 6040).
// Fourth, anybody can send to the socket: remotes are rows of a bounded table, and what carries no valid VNI, header or
// inner frame is counted as a drop of port 0, which is nobody.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP, hop, NOBODY, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Burst, KIND, RX, TX } from '../sys/burst.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Remotes } from '../table/remotes.ts';
import * as ecn from '../wire/ecn.ts';
import { copyMacs, HEADER_LEN, MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import { BurstSink } from './burst_sink.ts';
import { flowHash } from './flow_hash.ts';
import { restoreOffload } from './unfinished.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const VXLAN_AT = 32;
const ECN_MASK = 3;

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
  /** Outer TOS without its ECN bits, or -1 for the inner packet's. */
  tos: number;
  remoteLearning: boolean;
  /** Most remotes that may be learned. */
  maxRemotes: number;
}

export class Vxlan extends BurstSink {
  /** By port index, of the current topology. */
  mtu: Uint32Array = new Uint32Array(0);
  /** The time in whole seconds at which datagrams are heard; -1 = that of the burst. */
  second = -1;
  private readonly remotes: Remotes;
  /** By port index. */
  private readonly ports: (VxlanPort | undefined)[] = [];
  /** By VTEP, then by VNI. */
  private readonly byVni: (Map<number, VxlanPort> | undefined)[] = [];

  constructor(burst: Burst, counters: Counters, remotes: Remotes) {
    super(burst, counters);
    this.remotes = remotes;
  }

  add(port: VxlanPort): void {
    this.ports[port.port] = port;
    const ports = this.byVni[port.vtep] ?? new Map<number, VxlanPort>();
    this.byVni[port.vtep] = ports.set(port.vni, port);
    this.counters.values[this.counters.port(port.port) + PORT.up] = 1;
  }

  remove(port: number): void {
    const old = this.ports[port];
    if (old === undefined) return;
    this.ports[port] = undefined;
    const ports = this.byVni[old.vtep];
    ports?.delete(old.vni);
    if (ports?.size === 0) this.byVni[old.vtep] = undefined;
    this.counters.values[this.counters.port(port) + PORT.up] = 0;
  }

  /**
   * Appends the inner frame of the datagram of `length` bytes that `vtep` received into the next slot. `from` is the
   * offset of the slot's row in `burst.rx`. Checks every length; a bad datagram becomes a drop.
   */
  decapsulate(batch: FrameBatch, vtep: number, length: number, from: number): void {
    const { view, rows } = batch;
    const { rx } = this.burst;
    const row = batch.append(NOBODY, Math.max(0, length - vxlan.HEADER_LEN));
    const at = batch.frameAt(row);
    const inner = at + vxlan.HEADER_LEN;
    rows[row + COLUMN.start] = inner;
    if (length < vxlan.HEADER_LEN + HEADER_LEN || !vxlan.hasVni(view, at)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_header;
      return;
    }
    const port = this.byVni[vtep]?.get(vxlan.vni(view, at));
    if (port === undefined) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_unknown_vni;
      return;
    }
    const a = from + RX.address;
    const limit = port.remoteLearning ? port.maxRemotes : 0;
    const remote = this.remotes.hear(
      port.port,
      rx[a],
      rx[a + 1],
      rx[a + 2],
      rx[a + 3],
      this.second < 0 ? this.burst.second : this.second,
      limit,
    );
    rows[row + COLUMN.ingress] = hop(port.port, remote);
    if (remote === 0 && !port.remoteLearning) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_unknown_remote;
      return;
    }
    restoreOffload(batch, row, this.mtu[port.port]);
    const outer = rx[from + RX.tos] & ECN_MASK;
    if (!mergeEcn(view, inner, inner + length - vxlan.HEADER_LEN, outer)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.vxlan_ecn;
    }
  }

  /** Forgets remotes that were silent since before `time`, ms. */
  expire(time: number): void {
    this.remotes.expire(time);
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
    const index = hop & PORT_MASK;
    const remote = hop >>> PORT_BITS;
    const port = this.ports[index];
    if (port === undefined || this.remotes.portOf(remote) !== index) {
      if (isLast) this.refuse(index, DROP.no_remote);
      return;
    }
    const at = this.header(batch);
    const vxlanAt = at + VXLAN_AT;
    vxlan.write(view, vxlanAt, port.vni);
    copyMacs(view, macs, vxlanAt + vxlan.HEADER_LEN);
    let headerLength = vxlan.HEADER_LEN + MACS_LEN;
    if (tag !== 0) {
      view.setInt32(vxlanAt + headerLength, tag);
      headerLength += vlan.TAG_LEN;
    }
    const l3 = rest + 2;
    const innerTos = tosOf(view, view.getUint16(rest), l3, length - HEADER_LEN);
    const tos = ecn.encapsulate(innerTos & ECN_MASK) | (port.tos < 0 ? innerTos & ~ECN_MASK : port.tos);
    const sender = port.senders[flowHash(view, macs, rest, length) & (port.senders.length - 1)];
    const entry = this.entry(index, isLast);
    const { tx } = this.burst;
    tx[entry + TX.fd] = sender;
    tx[entry + TX.kind] = KIND.udp;
    tx[entry + TX.pieces] = 2;
    tx[entry + TX.piece] = vxlanAt;
    tx[entry + TX.piece + 1] = headerLength;
    tx[entry + TX.piece + 2] = rest;
    tx[entry + TX.piece + 3] = length - MACS_LEN;
    tx[entry + TX.sockaddr] = at;
    tx[entry + TX.sockaddrLength] = this.writeSockaddr(view, at, port, remote);
    tx[entry + TX.tos] = tos === Math.max(0, port.tos) ? -1 : tos;
  }

  protected sent(): void {}

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

/** Merges the outer congestion mark into the inner frame at `start` .. `end`. False = drop it. */
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

/** TOS or traffic class of an IP packet, 0 for anything else. */
function tosOf(view: DataView, type: number, at: number, length: number): number {
  if (type === TYPE_IPV4 && length >= ipv4.HEADER_LEN) return ipv4.tos(view, at);
  if (type === TYPE_IPV6 && length >= ipv6.HEADER_LEN) return ipv6.trafficClass(view, at);
  return 0;
}
