// Cuts a super-frame into shorter ones that a shaper can let go one by one. They keep their offload request, so that nothing is summed
// here: lengths, the IPv4 header and the pseudo-header's sum are made right, and whoever sends them does the rest.

import { Segmenter } from '../engine/segment.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { fold } from '../wire/checksum.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { GSO_ECN } from '../wire/virtio_net.ts';

/** Headers of a part are written here: MAX_GSO_HEADER, and a little. */
export const CUTTER_ROOM = 576;

export class Cutter {
  readonly segmenter = new Segmenter();
  /** Of the last part: its length, and its segments. */
  length = 0;
  segments = 0;
  private left = 0;

  /** Takes up the frame of `row`. Returns its segments, -1 if its headers contradict each other. */
  begin(batch: FrameBatch, row: number): number {
    this.left = this.segmenter.begin(batch, row);
    return this.left;
  }

  /**
   * The next `segments` segments as a frame: its columns go to the row `to`, a copy of the one that was taken up, its headers to
   * `at`; the payload is where `segmenter` says. False after the last.
   */
  next(batch: FrameBatch, segments: number, to: number, at: number): boolean {
    const { segmenter } = this;
    const { view, rows } = batch;
    const payload = segmenter.part(batch, at, at + MACS_LEN, segments);
    if (payload === 0) return false;
    const { headerLength, l3, l4, isTcp, gsoSize } = segmenter;
    const length = headerLength + payload;
    this.length = length;
    this.segments = Math.min(segments, this.left);
    if (ipv4.version(view, at + l3) === 4) {
      ipv4.setTotalLength(view, at + l3, length - l3);
      ipv4.completeChecksum(view, at + l3);
    } else {
      ipv6.setPayloadLength(view, at + l3, length - l3 - ipv6.HEADER_LEN);
    }
    if (isTcp) {
      tcp.setChecksum(view, at + l4, fold(tcp.checksum(view, at + l4) + length - l4));
    } else {
      udp.setLength(view, at + l4, length - l4);
      udp.setChecksum(view, at + l4, fold(udp.checksum(view, at + l4) + length - l4));
    }
    rows[to + COLUMN.length] = length;
    rows[to + COLUMN.csumStart] = l4;
    rows[to + COLUMN.csumOffset] = isTcp ? tcp.CHECKSUM : udp.CHECKSUM;
    const isSingle = payload <= gsoSize;
    if (isSingle) {
      rows[to + COLUMN.gsoType] = 0;
      rows[to + COLUMN.gsoSize] = 0;
      rows[to + COLUMN.headerLength] = 0;
    }
    this.left -= this.segments;
    return true;
  }

  /** Only the first part of a super-frame has CWR. */
  static withoutCwr(rows: Int32Array, row: number): void {
    rows[row + COLUMN.gsoType] &= ~GSO_ECN;
  }
}
