// Ingress from everything that has a file descriptor: TAPs, packet and VTEP sockets share one native call per poll.
//
// A descriptor's cookie is its port, or FIRST_VTEP + the VTEP's number, or FIRST_TUN + the port of a TUN, or WAKE: the
// eventfd by which other threads end the wait. What a VTEP receives goes to its receiver, what a TUN does to its taker.

import type { Source } from '../engine/port.ts';
import { COLUMN, FRAME_ROOM, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP, MAX_PORTS } from '../frame/hop.ts';
import { ROW as BURST_ROW, type Burst, KIND, LOST, RX, TAGGED, TRUNCATED } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import { TAG_LEN } from '../wire/vlan.ts';

const FIRST_VTEP = MAX_PORTS;
const FIRST_TUN = 0x4000_0000;
const WAKE = 0x7fff_ffff;

/** Makes frames of what a VTEP received. */
export interface Receiver {
  /** @param length of what is in the next slot, which it takes; `from`, where the slot's row in `burst.rx` begins */
  receive(batch: FrameBatch, vtep: number, length: number, from: number): void;
}

/** Makes a frame of a packet. */
export interface PacketTaker {
  /** As `Receiver.receive`. */
  take(batch: FrameBatch, length: number, from: number): void;
}

export class FdSource implements Source {
  readonly burst: Burst;
  /** By VTEP. */
  private readonly receivers: (Receiver | undefined)[] = [];
  /** By port. */
  private readonly takers: (PacketTaker | undefined)[] = [];
  /** Set when the eventfd was signalled; whoever acts on it clears it. */
  isWoken = false;
  /** Ports whose device died since the last look: [port, errno]. */
  readonly gone: [port: number, errno: number][] = [];
  /** The same for VTEPs. */
  readonly goneVteps: [vtep: number, errno: number][] = [];

  constructor(burst: Burst) {
    this.burst = burst;
  }

  /** @param kind KIND.tap, KIND.packet, or that of a connected socket */
  addPort(port: number, fd: number, kind: number): void {
    this.burst.add(fd, port, kind);
  }

  /** @param device of a guest's rings */
  addGuest(port: number, fd: number, device: number): void {
    this.burst.addGuest(fd, port, device);
  }

  /** @param kind KIND.udp or KIND.tunnelTap */
  addVtep(vtep: number, fd: number, kind: number, receiver: Receiver): void {
    this.burst.add(fd, FIRST_VTEP + vtep, kind);
    this.receivers[vtep] = receiver;
  }

  addTun(port: number, fd: number, taker: PacketTaker): void {
    this.burst.add(fd, FIRST_TUN + port, KIND.tap);
    this.takers[port] = taker;
  }

  addWake(fd: number): void {
    this.burst.add(fd, WAKE, KIND.wake);
  }

  remove(fd: number): void {
    this.burst.remove(fd);
  }

  get hasGone(): boolean {
    return this.gone.length > 0 || this.goneVteps.length > 0;
  }

  receive(batch: FrameBatch, limit: number, timeoutMs: number): void {
    const { burst } = this;
    const first = batch.used;
    const count = burst.receive(first, limit, timeoutMs);
    for (let slot = first; slot < first + count; slot++) this.append(batch, slot);
    if (burst.eventCount > 0) this.takeEvents();
  }

  /** Without room for frames native code takes the time, wake-ups and deaths. */
  look(): void {
    this.burst.receive(0, 0, 0);
    if (this.burst.eventCount > 0) this.takeEvents();
  }

  /** The frame or datagram that native code has put into the next slot. */
  private append(batch: FrameBatch, slot: number): void {
    const { burst } = this;
    const at = slot * BURST_ROW;
    const source = burst.rx[at + RX.source];
    const length = burst.rx[at + RX.length];
    if (source >= FIRST_VTEP) {
      if (source >= FIRST_TUN) this.takers[source - FIRST_TUN]?.take(batch, length, at);
      else this.receivers[source - FIRST_VTEP]?.receive(batch, source - FIRST_VTEP, length, at);
      return;
    }
    const { view, rows } = batch;
    const row = batch.append(source, length);
    const flags = burst.rx[at + RX.flags];
    if ((flags & TAGGED) !== 0) rows[row + COLUMN.start] -= TAG_LEN;
    const header = rows[row + COLUMN.start] - virtioNet.HEADER_LEN;
    rows[row + COLUMN.gsoType] = virtioNet.gsoType(view, header);
    rows[row + COLUMN.gsoSize] = virtioNet.gsoSize(view, header);
    if ((virtioNet.flags(view, header) & virtioNet.NEEDS_CSUM) !== 0) {
      rows[row + COLUMN.csumStart] = virtioNet.csumStart(view, header);
      rows[row + COLUMN.csumOffset] = virtioNet.csumOffset(view, header);
    }
    const isWhole = (flags & (TRUNCATED | LOST)) === 0 && length <= FRAME_ROOM;
    if (!isWhole) {
      rows[row + COLUMN.dest] = DEST_DROP | ((flags & LOST) !== 0 ? DROP.receive_error : DROP.truncated);
    }
  }

  private takeEvents(): void {
    const { burst } = this;
    for (let n = 0; n < burst.eventCount; n++) {
      const source = burst.events[2 * n];
      if (source === WAKE) this.isWoken = true;
      else if (source >= FIRST_TUN) this.gone.push([source - FIRST_TUN, burst.events[2 * n + 1]]);
      else if (source >= FIRST_VTEP) this.goneVteps.push([source - FIRST_VTEP, burst.events[2 * n + 1]]);
      else this.gone.push([source, burst.events[2 * n + 1]]);
    }
  }
}
