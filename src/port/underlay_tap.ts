// The way of a VXLAN port through a TAP instead of sockets (an experiment, Linux 6.17): outer headers are written and read
// here, and what segments, joins and completes checksums is the kernel, which routes between the TAP and the network.
//
//   out, in aux:  | virtio-net header, 24 | Ethernet, IPv4, UDP, 42 | VXLAN, 8 | MACs, 12 | tag, 0 or 4 |    rest: from the frame
//   in, a slot:   | virtio-net header, 24 | Ethernet, IPv4, UDP | VXLAN, 8 | inner frame |
//
// A super-frame stays one. The outer UDP checksum is 0 on the way out, as RFC 7348 recommends, and not looked at on the
// way in. Remotes, VNIs and congestion marks are Vxlan's business, as for datagrams from a socket.

import { l3Of } from '../engine/offload.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP, NOBODY, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Burst, KIND, LOST, RX, TX } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Remotes } from '../table/remotes.ts';
import * as ethernet from '../wire/ethernet.ts';
import { copyMacs, MACS_LEN } from '../wire/ethernet.ts';
import { flowHash } from '../wire/flow_hash.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as udp from '../wire/udp.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import { BurstSink } from './burst_sink.ts';
import { NO_ROW } from './copy_sink.ts';
import { outerTos, writeHeader } from './encapsulation.ts';
import type { Underlay, Vxlan, VxlanPort } from './vxlan.ts';

/** Of the frames inside: see TUNNEL_OFFLOADS in sys/tap.ts. */
const OFFLOADS = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6 | OFFLOAD.ecn;
// Offsets in an outer frame as it is written.
const IP_AT = ethernet.HEADER_LEN;
const UDP_AT = IP_AT + ipv4.HEADER_LEN;
const VXLAN_AT = UDP_AT + udp.HEADER_LEN;
const INNER_AT = VXLAN_AT + vxlan.HEADER_LEN;
const ROOM = virtioNet.TUNNEL_HEADER_LEN + INNER_AT + MACS_LEN + TAG_LEN;
const MAX_PACKET = 65_535;
/** The kernel takes what is addressed to its own interface; from whom is all the same to it. */
const SOURCE_HI = 0x0200;

export class UnderlayTap extends BurstSink {
  private readonly remotes: Remotes;
  private readonly vxlan: Vxlan;
  /** By VTEP, one of its ports: all have the same address and UDP port. */
  private readonly ports: (VxlanPort | undefined)[] = [];

  /** @param vxlan knows the ports, and what to do with what is inside */
  constructor(burst: Burst, counters: Counters, remotes: Remotes, vxlan: Vxlan) {
    super(burst, counters);
    this.remotes = remotes;
    this.vxlan = vxlan;
  }

  /** For a port that `vxlan` has. */
  add(port: VxlanPort): void {
    this.ports[port.vtep] = port;
  }

  removeVtep(vtep: number): void {
    this.ports[vtep] = undefined;
  }

  /**
   * Appends the inner frame of the outer frame of `length` bytes that the TAP of `vtep` gave into the next slot. `from` is
   * the offset of the slot's row in `burst.rx`. Checks every outer length; what is no datagram for us becomes a drop.
   */
  decapsulate(batch: FrameBatch, vtep: number, length: number, from: number): void {
    const { view, rows } = batch;
    const { rx } = this.burst;
    const at = batch.takeSlot();
    const header = at - virtioNet.TUNNEL_HEADER_LEN;
    const port = this.ports[vtep];
    const l4 =
      port?.underlay === undefined ? -1 : udpAt(view, at, at + length, port.underlay.local, port.dstPort);
    const gsoType = virtioNet.gsoType(view, header);
    // A super-frame without a tunnel is none of ours: the kernel was not told that it may give trains of datagrams.
    if (l4 < 0 || (gsoType !== virtioNet.GSO_NONE && (gsoType & virtioNet.GSO_UDP_TUNNEL) === 0)) {
      const reason = (rx[from + RX.flags] & LOST) === 0 ? DROP.vxlan_outer : DROP.receive_error;
      rows[batch.appendAt(at, NOBODY, length) + COLUMN.dest] = DEST_DROP | reason;
      return;
    }
    const ip = at + IP_AT;
    rx[from + RX.tos] = ipv4.tos(view, ip);
    rx[from + RX.address] = toNetworkOrder(ipv4.src(view, ip));
    const payload = l4 + udp.HEADER_LEN;
    const row = this.vxlan.decapsulateAt(batch, vtep, payload, udp.length(view, l4) - udp.HEADER_LEN, from);
    const shift = payload + vxlan.HEADER_LEN - at;
    const csumStart = virtioNet.csumStart(view, header);
    // A request that is not about the inner frame would be about the outer checksum, for which nobody asks any more.
    if ((virtioNet.flags(view, header) & virtioNet.NEEDS_CSUM) === 0 || csumStart < shift) return;
    rows[row + COLUMN.gsoType] = gsoType & ~virtioNet.GSO_UDP_TUNNEL;
    rows[row + COLUMN.gsoSize] = virtioNet.gsoSize(view, header);
    rows[row + COLUMN.csumStart] = csumStart - shift;
    rows[row + COLUMN.csumOffset] = virtioNet.csumOffset(view, header);
  }

  protected offloadsOf(): number {
    return OFFLOADS;
  }

  protected emit(
    batch: FrameBatch,
    hop: number,
    macs: number,
    rest: number,
    length: number,
    tag: number,
    row: number,
    isLast: boolean,
  ): void {
    const port = this.vxlan.portOf(hop);
    if (port?.underlay === undefined) {
      if (isLast) this.refuse(hop & PORT_MASK, DROP.no_remote);
      return;
    }
    const { view, rows } = batch;
    const shift = tag === 0 ? 0 : TAG_LEN;
    const packet = INNER_AT - IP_AT + length + shift;
    const isSuper = row !== NO_ROW && rows[row + COLUMN.gsoType] !== 0;
    if (isSuper && (packet > MAX_PACKET || rows[row + COLUMN.csumStart] === 0)) {
      // No IP packet holds it, or the kernel would refuse it: in a tunnel it insists on a partial checksum.
      this.segment(batch, row, hop, tag);
      return;
    }
    const at = this.room(batch, ROOM);
    const frame = at + virtioNet.TUNNEL_HEADER_LEN;
    this.writeRequest(batch, at, row, shift);
    const innerTos = outerTos(view, rest, length, port.tos);
    const hash = flowHash(view, macs, rest, length);
    this.writeOuter(view, frame, port, port.underlay, hop >>> PORT_BITS, packet, innerTos, hash);
    writeHeader(view, frame + VXLAN_AT, port.vni, tag);
    copyMacs(view, macs, frame + INNER_AT);

    const entry = this.entry(port.port, isLast);
    const { tx } = this.burst;
    tx[entry + TX.fd] = port.underlay.fd;
    tx[entry + TX.kind] = KIND.tap;
    tx[entry + TX.pieces] = 2;
    tx[entry + TX.piece] = at;
    tx[entry + TX.piece + 1] = ROOM - TAG_LEN + shift;
    tx[entry + TX.piece + 2] = rest;
    tx[entry + TX.piece + 3] = length - MACS_LEN;
  }

  /** The virtio-net header at `at` with what the frame of `row` asks for, moved behind the outer headers. */
  private writeRequest(batch: FrameBatch, at: number, row: number, shift: number): void {
    const { view, rows } = batch;
    if (row === NO_ROW || rows[row + COLUMN.csumStart] === 0) {
      virtioNet.writeNone(view, at);
      virtioNet.writeTunnel(view, at, 0, 0);
      return;
    }
    const moved = INNER_AT + shift;
    const csumStart = rows[row + COLUMN.csumStart] + moved;
    const csumOffset = rows[row + COLUMN.csumOffset];
    const gsoType = rows[row + COLUMN.gsoType];
    if (gsoType === 0) {
      virtioNet.write(view, at, 0, 0, 0, csumStart, csumOffset);
      virtioNet.writeTunnel(view, at, 0, 0);
      return;
    }
    const headerLength = rows[row + COLUMN.headerLength] + moved;
    const type = gsoType | virtioNet.GSO_UDP_TUNNEL_IPV4;
    virtioNet.write(view, at, type, rows[row + COLUMN.gsoSize], headerLength, csumStart, csumOffset);
    virtioNet.writeTunnel(view, at, UDP_AT, l3Of(batch, row) + moved);
  }

  private writeOuter(
    view: DataView,
    at: number,
    { dstPort }: VxlanPort,
    { mac, local, ttl, sourcePort, sourcePorts }: Underlay,
    remote: number,
    packet: number,
    tos: number,
    hash: number,
  ): void {
    ethernet.setDst(view, at, mac.hi, mac.lo);
    ethernet.setSrc(view, at, SOURCE_HI, 0);
    ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
    const to = toNetworkOrder(this.remotes.address(remote, 0));
    ipv4.write(view, at + IP_AT, tos, packet, ttl, ipv4.PROTOCOL_UDP, local, to);
    const from = sourcePort + (((hash >>> 16) * sourcePorts) >>> 16);
    udp.write(view, at + UDP_AT, from, dstPort, packet - ipv4.HEADER_LEN);
  }
}

/** Offset of the UDP header of the outer frame at `at` .. `end` if it is a whole datagram to `address` and `port`, or -1. */
function udpAt(view: DataView, at: number, end: number, address: number, port: number): number {
  const ip = at + IP_AT;
  if (ip > end || ethernet.etherType(view, at) !== ethernet.TYPE_IPV4) return -1;
  const found = ipv4.transport(view, ip, end);
  const packet = ipv4.packetLength(view, ip, end);
  if (found < 0 || packet < 0 || (found & 0xff) !== ipv4.PROTOCOL_UDP) return -1;
  const l4 = ip + (found >>> 8);
  const length = ip + packet - l4;
  if (length < udp.HEADER_LEN || ipv4.dst(view, ip) !== address || udp.dstPort(view, l4) !== port) return -1;
  const datagram = udp.length(view, l4);
  return datagram < udp.HEADER_LEN || datagram > length ? -1 : l4;
}

/** Between an int32 that was read as the wire has it and one that has the wire's bytes in memory, as Remotes does. */
function toNetworkOrder(address: number): number {
  return (address << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24);
}
