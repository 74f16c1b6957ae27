// What a worker has once there is something with a file descriptor: one source for all of them, one transmit list, and the
// sinks that fill it.
//
//   fds -> FdSource -> batch ...  queues -> TapSink | SocketSink | VxlanSockets | VxlanTaps -> TransmitList -> fds

import { type FrameBatch, HEADROOM, STRIDE } from '../frame/frame_batch.ts';
import { Burst, KIND } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import type { Paths } from '../table/paths.ts';
import type { Remotes } from '../table/remotes.ts';
import { HEADER_LEN as VNET_HEADER_LEN } from '../wire/virtio_net.ts';
import { Decapsulation } from './decapsulation.ts';
import { FdSource } from './fd_source.ts';
import { SocketSink } from './socket_sink.ts';
import type { AddedVtep } from './spec.ts';
import { TapDecapsulation } from './tap_decapsulation.ts';
import { TapSink } from './tap_sink.ts';
import { TooBigReceiver } from './too_big_receiver.ts';
import { TransmitList } from './transmit_list.ts';
import { VniRegistry } from './vni_registry.ts';
import { VxlanSockets } from './vxlan_sockets.ts';
import { VxlanTaps } from './vxlan_taps.ts';

/** Entries of the transmit list: a poll's copies, or the segments of ten super-frames. */
const TX_CAPACITY = 512;

export class Descriptors {
  readonly burst: Burst;
  readonly source: FdSource;
  readonly list: TransmitList;
  /** TAPs and packet sockets. */
  readonly taps: TapSink;
  readonly connected: SocketSink;
  readonly registry: VniRegistry;
  readonly sockets: VxlanSockets;
  readonly tunnelTaps: VxlanTaps;
  readonly decapsulation: Decapsulation;
  readonly tapDecapsulation: TapDecapsulation;
  private readonly tooBig: TooBigReceiver;
  /** Descriptor by VTEP. */
  private readonly vteps = new Map<number, number>();
  /** VTEPs that cannot be received from, and why. */
  private readonly deaf = new Map<number, unknown>();

  constructor(batch: FrameBatch, counters: Counters, remotes: Remotes, paths: Paths) {
    this.burst = new Burst(batch.bytes, {
      slots: batch.slots,
      stride: STRIDE,
      headroom: HEADROOM,
      vnetHeader: VNET_HEADER_LEN,
      txCapacity: TX_CAPACITY,
      owed: batch.owedBytes,
    });
    this.source = new FdSource(this.burst);
    const list = new TransmitList(this.burst, counters);
    this.list = list;
    this.taps = new TapSink(list, counters);
    this.connected = new SocketSink(list, counters);
    this.registry = new VniRegistry(counters, remotes);
    this.sockets = new VxlanSockets(list, this.registry, remotes, paths);
    this.tunnelTaps = new VxlanTaps(list, this.registry, remotes);
    this.decapsulation = new Decapsulation(this.burst, this.registry, remotes);
    this.tooBig = new TooBigReceiver(this.burst, this.registry, remotes, paths);
    this.tapDecapsulation = new TapDecapsulation(this.burst, this.decapsulation);
  }

  /** Receives from a VTEP. If that cannot be, its ports are told when they come: see `requireVtep`. */
  addVtep({ vtep, fd, isTap, isErrors }: AddedVtep): void {
    try {
      if (isTap) this.source.addVtep(vtep, fd, KIND.tunnelTap, this.tapDecapsulation);
      else this.source.addVtep(vtep, fd, KIND.udp, isErrors ? this.tooBig : this.decapsulation);
      this.vteps.set(vtep, fd);
      this.deaf.delete(vtep);
    } catch (error) {
      this.deaf.set(vtep, error);
    }
  }

  removeVtep(vtep: number): void {
    this.deaf.delete(vtep);
    const fd = this.vteps.get(vtep);
    if (fd === undefined) return;
    this.source.remove(fd);
    this.tapDecapsulation.removeVtep(vtep);
    this.vteps.delete(vtep);
  }

  /** Throws what kept the VTEP from being received from. */
  requireVtep(vtep: number): void {
    if (this.deaf.has(vtep)) throw this.deaf.get(vtep);
  }

  close(): void {
    this.burst.close();
  }
}
