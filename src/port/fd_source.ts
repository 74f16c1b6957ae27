// Ingress from everything that has a file descriptor: TAPs and VTEP sockets share one native call per poll.
//
// A descriptor's cookie is its port, or FIRST_VTEP + the VTEP's number. WAKE is the eventfd by which other threads end
// the wait.

import type { Source } from '../engine/port.ts';
import { FRAME_ROOM, type FrameBatch, HEADROOM, STRIDE } from '../frame/frame_batch.ts';
import { DEST_DROP, MAX_PORTS } from '../frame/hop.ts';
import { Burst, KIND, ROW, RX, TRUNCATED } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import type { Vxlan } from './vxlan.ts';

const FIRST_VTEP = MAX_PORTS;
const WAKE = 0x7fff_ffff;
/** Entries of the native transmit list: a poll's copies, or the segments of ten super-frames. */
const TX_CAPACITY = 512;

export class FdSource implements Source {
  readonly burst: Burst;
  /** Decapsulates what VTEPs receive. */
  vxlan: Vxlan | null = null;
  /** Set when the eventfd was signalled; whoever acts on it clears it. */
  isWoken = false;
  /** Ports whose device died since the last look: [port, errno]. */
  readonly gone: [port: number, errno: number][] = [];

  constructor(batch: FrameBatch) {
    this.burst = new Burst(batch.bytes, {
      slots: batch.slots,
      stride: STRIDE,
      headroom: HEADROOM,
      vnetHeader: virtioNet.HEADER_LEN,
      txCapacity: TX_CAPACITY,
    });
  }

  addTap(port: number, fd: number): void {
    this.burst.add(fd, port, KIND.tap);
  }

  addVtep(vtep: number, fd: number): void {
    this.burst.add(fd, FIRST_VTEP + vtep, KIND.udp);
  }

  addWake(fd: number): void {
    this.burst.add(fd, WAKE, KIND.wake);
  }

  remove(fd: number): void {
    this.burst.remove(fd);
  }

  receive(batch: FrameBatch, limit: number, timeoutMs: number): void {
    const { burst } = this;
    const first = batch.count;
    const count = burst.receive(first, limit, timeoutMs);
    for (let i = first; i < first + count; i++) this.describe(batch, i);
    batch.count = first + count;
    if (burst.eventCount > 0) this.takeEvents();
  }

  close(): void {
    this.burst.close();
  }

  private describe(batch: FrameBatch, i: number): void {
    const { burst } = this;
    const row = i * ROW;
    const source = burst.rx[row + RX.source];
    const length = burst.rx[row + RX.length];
    if (source >= FIRST_VTEP) {
      this.vxlan?.decapsulate(batch, i, source - FIRST_VTEP, length, row, burst.now);
      return;
    }
    const { view } = batch;
    const at = batch.frameAt(i);
    const header = at - virtioNet.HEADER_LEN;
    batch.start[i] = at;
    batch.length[i] = length;
    batch.ingress[i] = source;
    batch.gsoType[i] = virtioNet.gsoType(view, header);
    batch.gsoSize[i] = virtioNet.gsoSize(view, header);
    const needsCsum = (virtioNet.flags(view, header) & virtioNet.NEEDS_CSUM) !== 0;
    batch.csumStart[i] = needsCsum ? virtioNet.csumStart(view, header) : 0;
    batch.csumOffset[i] = needsCsum ? virtioNet.csumOffset(view, header) : 0;
    const isTruncated = (burst.rx[row + RX.flags] & TRUNCATED) !== 0 || length > FRAME_ROOM;
    batch.dest[i] = isTruncated ? DEST_DROP | DROP.truncated : 0;
  }

  private takeEvents(): void {
    const { burst } = this;
    for (let n = 0; n < burst.eventCount; n++) {
      const source = burst.events[2 * n];
      if (source === WAKE) this.isWoken = true;
      else this.gone.push([source, burst.events[2 * n + 1]]);
    }
  }
}
