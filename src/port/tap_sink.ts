// Egress to TAPs and packet sockets, which take the same: one entry for each emission, of two pieces.
//
//   header in aux:  | virtio-net header, 12 | MACs, 12 | tag, 0 or 4 |     rest: straight from the frame
//
// An interface may have a TAP as a detour beside its socket, for frames whose tags the kernel counts against its MTU.

import { COPY, COPY_WORDS, type EgressQueue, type Sink } from '../engine/port.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { KIND } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { copyMacs, HEADER_LEN, MACS_LEN } from '../wire/ethernet.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import { isTpid, TAG_LEN, TPID_8021Q } from '../wire/vlan.ts';
import { Emission, NO_ROW } from './emission.ts';
import type { TransmitList } from './transmit_list.ts';

/** Bytes of what `writeFrameHeader` writes without a tag, and room for one. */
export const FRAME_HEADER = virtioNet.HEADER_LEN + MACS_LEN;
export const HEADER_ROOM = FRAME_HEADER + TAG_LEN;

export class TapSink implements Sink {
  private readonly list: TransmitList;
  private readonly counters: Counters;
  private readonly emission: Emission;
  private readonly fd = new Int32Array(MAX_PORTS).fill(-1);
  private readonly kind = new Uint8Array(MAX_PORTS);
  private readonly offloads = new Int32Array(MAX_PORTS);
  /** Descriptor of a TAP, -1 = none. */
  private readonly detour = new Int32Array(MAX_PORTS).fill(-1);

  constructor(list: TransmitList, counters: Counters) {
    this.list = list;
    this.counters = counters;
    this.emission = new Emission(list);
  }

  /**
   * @param kind KIND.tap or KIND.packet
   * @param offloads TUNSETOFFLOAD bits that the reader of the TAP takes, or the kernel for an interface
   */
  add(port: number, fd: number, kind: number, offloads: number): void {
    this.fd[port] = fd;
    this.kind[port] = kind;
    this.offloads[port] = offloads;
    this.counters.setUp(port, 1);
  }

  /** @param fd a TAP that leads to the same interface, -1 = none */
  setDetour(port: number, fd: number): void {
    this.detour[port] = fd;
  }

  remove(port: number): void {
    this.fd[port] = -1;
    this.detour[port] = -1;
    this.counters.setUp(port, 0);
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { emission } = this;
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const hop = copies[at + COPY.hop];
      const port = hop & PORT_MASK;
      const tag = copies[at + COPY.tag];
      const row = copies[at + COPY.row];
      if (!emission.begin(batch, row, hop, tag, this.offloads[port]))
        this.list.settlement.refuse(row, port, DROP.bad_packet);
      while (emission.next(batch)) this.put(batch, port);
    }
    queue.count = 0;
  }

  flush(batch: FrameBatch): void {
    this.list.flush(batch);
  }

  private put(batch: FrameBatch, port: number): void {
    const { emission, list } = this;
    const { view } = batch;
    const at = list.header(batch, HEADER_ROOM);
    const shift = writeFrameHeader(batch, at, emission);
    const detour = this.detour[port];
    // A TAP takes frames for an interface that is down, too: the socket tells.
    if (detour >= 0 && isStacked(view, emission) && this.counters.isUp(port))
      list.add(emission, KIND.tap, detour, at, FRAME_HEADER + shift);
    else list.add(emission, this.kind[port], this.fd[port], at, FRAME_HEADER + shift);
  }
}

/** Whether there is more than one tag of 802.1Q, the one that may exceed the MTU in a packet socket. */
function isStacked(view: DataView, { rest, length, tag }: Emission): boolean {
  const type = view.getUint16(rest);
  if (tag !== 0) return isTpid(type) || tag >>> 16 !== TPID_8021Q;
  if (type !== TPID_8021Q) return isTpid(type);
  return length >= HEADER_LEN + TAG_LEN && isTpid(view.getUint16(rest + TAG_LEN));
}

/** The virtio-net header, the MACs and the tag of the emission at `at`; returns the bytes of the tag. */
export function writeFrameHeader(batch: FrameBatch, at: number, emission: Emission): number {
  const { view } = batch;
  const macsAt = at + virtioNet.HEADER_LEN;
  copyMacs(view, emission.macs, macsAt);
  let shift = 0;
  if (emission.tag !== 0) {
    view.setInt32(macsAt + MACS_LEN, emission.tag);
    shift = TAG_LEN;
  }
  writeRequest(batch, at, emission.row, shift);
  return shift;
}

/** The virtio-net header at `at` with what the frame of `row` asks for; offsets move by `shift` bytes. */
export function writeRequest({ view, rows }: FrameBatch, at: number, row: number, shift: number): void {
  if (row === NO_ROW || (rows[row + COLUMN.csumStart] === 0 && rows[row + COLUMN.gsoType] === 0)) {
    virtioNet.writeNone(view, at);
    return;
  }
  // A stale csum_start is accepted by the kernel and corrupts silently.
  const csumStart = rows[row + COLUMN.csumStart] === 0 ? 0 : rows[row + COLUMN.csumStart] + shift;
  const headerLength = rows[row + COLUMN.gsoType] === 0 ? 0 : rows[row + COLUMN.headerLength] + shift;
  virtioNet.write(
    view,
    at,
    rows[row + COLUMN.gsoType],
    rows[row + COLUMN.gsoSize],
    headerLength,
    csumStart,
    rows[row + COLUMN.csumOffset],
  );
}
