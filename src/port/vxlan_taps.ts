// VXLAN through a TAP instead of sockets (an experiment, Linux 6.17): outer headers are written here, a super-frame stays
// one, and what segments and completes checksums is the kernel, which routes between the TAP and the network.
//
//   header in aux:  | virtio-net header, 24 | Ethernet, IPv4, UDP, 42 | VXLAN, 8 | MACs, 12 | tag, 0 or 4 |    rest: from the frame

import { l3Of } from '../engine/offload.ts';
import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { KIND } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import type { Remotes } from '../table/remotes.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { flowHash } from '../wire/flow_hash.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import { Emission, NO_ROW } from './emission.ts';
import { encapsulate, outerTos } from './encapsulation.ts';
import { IP_AT, PAYLOAD_AT, toNetworkOrder, UDP_AT, writeOuter } from './outer_frame.ts';
import type { TransmitList } from './transmit_list.ts';
import type { VniRegistry } from './vni_registry.ts';
import type { Underlay, VxlanPort } from './vxlan_port.ts';

/** Of the frames inside: see TUNNEL_OFFLOADS in sys/tap.ts. */
const OFFLOADS = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6 | OFFLOAD.ecn;
/** Where the inner frame begins in an outer one. */
const INNER_AT = PAYLOAD_AT + vxlan.HEADER_LEN;
const ROOM = virtioNet.TUNNEL_HEADER_LEN + INNER_AT + MACS_LEN + TAG_LEN;
const MAX_PACKET = 65_535;

export class VxlanTaps implements Sink {
  private readonly list: TransmitList;
  private readonly emission: Emission;
  private readonly registry: VniRegistry;
  private readonly remotes: Remotes;

  constructor(list: TransmitList, registry: VniRegistry, remotes: Remotes) {
    this.list = list;
    this.emission = new Emission(list);
    this.registry = registry;
    this.remotes = remotes;
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
    if (port?.underlay === undefined) {
      settlement.refuse(row, hop & PORT_MASK, DROP.no_remote);
      return;
    }
    if (!emission.begin(batch, row, hop, tag, offloadsFor(batch, row, tag)))
      settlement.refuse(row, port.port, DROP.bad_packet);
    while (emission.next(batch)) this.put(batch, port, port.underlay);
  }

  private put(batch: FrameBatch, port: VxlanPort, underlay: Underlay): void {
    const { emission, list } = this;
    const { view } = batch;
    const { macs, rest, head, length, tag } = emission;
    const shift = tag === 0 ? 0 : TAG_LEN;
    const at = list.header(batch, ROOM);
    const frame = at + virtioNet.TUNNEL_HEADER_LEN;
    writeRequest(batch, at, emission.row, shift);
    const to = toNetworkOrder(this.remotes.address(emission.hop >>> PORT_BITS, 0));
    const tos = outerTos(view, rest, head, port.tos);
    const hash = flowHash(view, macs, rest, head);
    writeOuter(view, frame, underlay, to, port.dstPort, INNER_AT - IP_AT + length + shift, tos, hash);
    encapsulate(view, frame + PAYLOAD_AT, port.vni, macs, tag);
    list.add(emission, KIND.tap, underlay.fd, at, ROOM - TAG_LEN + shift);
  }
}

/** What the kernel takes of the frame of `row`. */
function offloadsFor({ rows }: FrameBatch, row: number, tag: number): number {
  if (rows[row + COLUMN.gsoType] === 0) return OFFLOADS;
  // No IP packet holds it, or the kernel would refuse it: in a tunnel it insists on a partial checksum.
  const packet = INNER_AT - IP_AT + rows[row + COLUMN.length] + (tag === 0 ? 0 : TAG_LEN);
  return packet > MAX_PACKET || rows[row + COLUMN.csumStart] === 0 ? 0 : OFFLOADS;
}

/** The virtio-net header at `at` with what the frame of `row` asks for, moved behind the outer headers. */
function writeRequest(batch: FrameBatch, at: number, row: number, shift: number): void {
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
