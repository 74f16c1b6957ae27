// VXLAN through UDP sockets: one datagram for each frame; a super-frame becomes one for each segment.
//
//   header in aux:  | sockaddr, 28 | pad | VXLAN, 8 | MACs, 12 | tag, 0 or 4 |     rest: straight from the frame
//   super-frame:    | sockaddr, 28 | pad | VXLAN, 8 | MACs, 12 | tag, 0 or 4 | inner headers |     payload: the same
//
// The path spreads load by the outer source port, and a socket has only one: each port sends through a pool of them, chosen
// by a hash of the inner flow. Segments that were made here would each walk through the kernel's stack: a super-frame goes
// with UDP_SEGMENT, at most 64 segments and 65,507 bytes at a time, until the kernel refuses that once.

import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { KIND, MAX_SEGMENT_BYTES, MAX_SEGMENTS, TX } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import type { Paths } from '../table/paths.ts';
import type { Remotes } from '../table/remotes.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { flowHash, flowWord } from '../wire/flow_hash.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import { Emission } from './emission.ts';
import { encapsulate, outerTos } from './encapsulation.ts';
import { FITS } from './too_big_receiver.ts';
import type { TransmitList } from './transmit_list.ts';
import type { VniRegistry } from './vni_registry.ts';
import type { VxlanPort } from './vxlan_port.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const VXLAN_AT = 32;
const MACS_AT = VXLAN_AT + vxlan.HEADER_LEN;
const ROOM = MACS_AT + MACS_LEN + vlan.TAG_LEN;

export class VxlanSockets implements Sink {
  /** Ports for which the kernel refused UDP_SEGMENT since the last look: [port, errno]. */
  readonly refused: [port: number, errno: number][] = [];
  private readonly list: TransmitList;
  private readonly emission: Emission;
  private readonly registry: VniRegistry;
  private readonly remotes: Remotes;
  private readonly paths: Paths;

  constructor(list: TransmitList, registry: VniRegistry, remotes: Remotes, paths: Paths) {
    this.list = list;
    this.emission = new Emission(list);
    this.registry = registry;
    this.remotes = remotes;
    this.paths = paths;
    list.onUnsegmented = (port, errno) => {
      if (registry.refuseSegments(port)) this.refused.push([port, errno]);
    };
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS)
      this.copy(batch, copies[at + COPY.row], copies[at + COPY.hop], copies[at + COPY.tag]);
    queue.count = 0;
  }

  flush(batch: FrameBatch): void {
    this.list.flush(batch);
  }

  private copy(batch: FrameBatch, row: number, hop: number, tag: number): void {
    const { emission } = this;
    const { settlement } = this.list;
    const port = this.registry.portOf(hop);
    if (port === undefined) {
      settlement.refuse(row, hop & PORT_MASK, DROP.no_remote);
    } else if (batch.rows[row + COLUMN.gsoType] !== 0) {
      const count = emission.beginSuper(batch, row, hop, tag);
      if (count < 0) settlement.refuse(row, port.port, DROP.bad_packet);
      else this.putSuper(batch, port, count);
    } else {
      if (!emission.begin(batch, row, hop, tag, 0)) settlement.refuse(row, port.port, DROP.bad_packet);
      while (emission.next(batch)) this.put(batch, port);
    }
  }

  private put(batch: FrameBatch, port: VxlanPort): void {
    const { emission, list } = this;
    const { view } = batch;
    const { macs, rest, head } = emission;
    const at = list.header(batch, ROOM);
    const restAt = encapsulate(view, at + VXLAN_AT, port.vni, macs, emission.tag);
    const flow = flowHash(view, macs, rest, head);
    const sender = senderOf(port, flow);
    if (port.family === 6 && emission.length > FITS)
      this.paths.sent(emission.hop >>> PORT_BITS, flow, flowWord(view, rest, head), 1);
    const entry = list.add(emission, KIND.udp, sender, at + VXLAN_AT, restAt - at - VXLAN_AT);
    this.address(entry, view, at, port, outerTos(view, rest, head, port.tos));
  }

  /** The `count` segments of the frame of `row`, as many in an entry as one send may have. */
  private putSuper(batch: FrameBatch, port: VxlanPort, count: number): void {
    const { emission, list } = this;
    const { segmenter, macs, rest, head, tag } = emission;
    const { view } = batch;
    const flow = flowHash(view, macs, rest, head);
    const sender = senderOf(port, flow);
    if (port.family === 6) {
      // A segment has a sequence number in what the frame spans; UDP's has a checksum of its own.
      const span = segmenter.isTcp ? emission.length : -1;
      this.paths.sent(emission.hop >>> PORT_BITS, flow, flowWord(view, rest, head), span);
    }
    const tos = outerTos(view, rest, head, port.tos);
    const longest = vxlan.HEADER_LEN + vlan.TAG_LEN + segmenter.maxLength;
    // A segment that no datagram holds is refused by the kernel (EMSGSIZE), and too big.
    const limit = Math.max(1, Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENT_BYTES / longest)));
    emission.split(Math.ceil(count / limit));
    while (emission.next(batch)) {
      const at = list.room(batch, MACS_AT + vlan.TAG_LEN + segmenter.headerLength);
      const restAt = encapsulate(view, at + VXLAN_AT, port.vni, macs, tag);
      emission.cutPart(batch, at + MACS_AT, restAt, limit);
      const origin = restAt - MACS_LEN - at - VXLAN_AT; // of the untagged frame, in the first piece
      const headers = origin + segmenter.headerLength;
      const entry = list.add(emission, KIND.segments, sender, at + VXLAN_AT, headers);
      this.segments(entry, origin, port);
      this.address(entry, view, at, port, tos);
    }
  }

  /** Words of an entry that say how native code cuts it. */
  private segments(entry: number, origin: number, port: VxlanPort): void {
    const { segmenter } = this.emission;
    const { tx } = this.list;
    tx[entry + TX.segment] = segmenter.gsoSize | ((segmenter.isTcp ? PROTOCOL_TCP : PROTOCOL_UDP) << 16);
    tx[entry + TX.layers] = ((origin + segmenter.l3) << 16) | (origin + segmenter.l4);
    tx[entry + TX.udpSegment] = port.udpSegment ? 1 : 0;
  }

  /** Words of an entry that say where to; `at` is the room for its header. */
  private address(entry: number, view: DataView, at: number, port: VxlanPort, tos: number): void {
    const { tx } = this.list;
    const remote = this.emission.hop >>> PORT_BITS;
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

function senderOf({ senders }: VxlanPort, hash: number): number {
  return senders[hash & (senders.length - 1)];
}
