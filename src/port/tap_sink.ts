// Egress to TAPs and packet sockets, which take the same: one entry per copy, of two pieces.
//
//   header in aux:  | virtio-net header, 12 | MACs, 12 | tag, 0 or 4 |     rest: straight from the frame

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { TX } from '../sys/burst.ts';
import { copyMacs, MACS_LEN } from '../wire/ethernet.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import { BurstSink } from './burst_sink.ts';
import { NO_ROW } from './copy_sink.ts';

const HEADER = virtioNet.HEADER_LEN + MACS_LEN;

export class TapSink extends BurstSink {
  private readonly fd = new Int32Array(MAX_PORTS).fill(-1);
  private readonly kind = new Uint8Array(MAX_PORTS);
  private readonly offloads = new Int32Array(MAX_PORTS);

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

  remove(port: number): void {
    this.fd[port] = -1;
    this.counters.setUp(port, 0);
  }

  protected offloadsOf(port: number): number {
    return this.offloads[port];
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
    const port = hop & PORT_MASK;
    const { view, rows } = batch;
    const at = this.header(batch);
    const macsAt = at + virtioNet.HEADER_LEN;
    copyMacs(view, macs, macsAt);
    let shift = 0;
    if (tag !== 0) {
      view.setInt32(macsAt + MACS_LEN, tag);
      shift = TAG_LEN;
    }
    if (row === NO_ROW || (rows[row + COLUMN.csumStart] === 0 && rows[row + COLUMN.gsoType] === 0)) {
      virtioNet.writeNone(view, at);
    } else {
      // A stale csum_start is accepted by the kernel and corrupts silently: it moves with the tag.
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
    const entry = this.entry(port, isLast);
    const { tx } = this.burst;
    tx[entry + TX.fd] = this.fd[port];
    tx[entry + TX.kind] = this.kind[port];
    tx[entry + TX.pieces] = 2;
    tx[entry + TX.piece] = at;
    tx[entry + TX.piece + 1] = HEADER + shift;
    tx[entry + TX.piece + 2] = rest;
    tx[entry + TX.piece + 3] = length - MACS_LEN;
  }
}
