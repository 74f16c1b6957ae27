// The devices of one worker: takes them in and detaches them, whatever kind they are, and passes on what becomes of them.

import type { Sink, Source } from '../engine/port.ts';
import type { FrameBatch } from '../frame/frame_batch.ts';
import type { Counters } from '../table/counters.ts';
import type { Paths } from '../table/paths.ts';
import type { QosTable } from '../table/qos_table.ts';
import type { Remotes } from '../table/remotes.ts';
import { Descriptors } from './descriptors.ts';
import { Faults } from './faults.ts';
import { FullDevices } from './full_devices.ts';
import { type Attached, attach, type Surroundings } from './kinds.ts';
import { Shapers } from './shapers.ts';
import type { AddedVtep, DeviceSpec } from './spec.ts';

/** Where devices are plugged in: the engine. */
export interface Backplane {
  readonly batch: FrameBatch;
  readonly clock: Float64Array;
  readonly aggregates: Sink;
  attach(port: number, sink: Sink): void;
  detach(port: number): void;
  addSource(source: Source): void;
  removeSource(source: Source): void;
}

/** A port's device died, the other end of its socket does not answer, it is full, or the kernel refuses to segment (UDP_SEGMENT) for a VXLAN port. */
export interface DeviceNews {
  kind: 'gone' | 'refused' | 'full' | 'unsegmented';
  port: number;
  errno: number;
}

export class Devices implements Surroundings {
  readonly counters: Counters;
  readonly aggregates: Sink;
  readonly worker: number;
  readonly workers: number;
  /** Null as long as nothing has a file descriptor. */
  descriptors: Descriptors | null = null;
  private readonly backplane: Backplane;
  private readonly remotes: Remotes;
  private readonly paths: Paths;
  private readonly faults: Faults;
  private readonly shapers: Shapers;
  private readonly full: FullDevices;
  private readonly attached = new Map<number, Attached>();

  /** @param worker its number, of so many that send to the same devices */
  constructor(
    backplane: Backplane,
    counters: Counters,
    remotes: Remotes,
    paths: Paths,
    worker: number,
    workers: number,
    seed: Int32Array,
  ) {
    this.backplane = backplane;
    this.aggregates = backplane.aggregates;
    this.counters = counters;
    this.remotes = remotes;
    this.paths = paths;
    this.worker = worker;
    this.workers = workers;
    this.faults = new Faults(counters);
    this.full = new FullDevices(backplane.clock);
    this.shapers = new Shapers(counters, backplane.clock, seed, worker, workers);
  }

  open(): Descriptors {
    if (this.descriptors !== null) return this.descriptors;
    const { backplane, counters, faults, remotes, paths } = this;
    const descriptors = new Descriptors(backplane.batch, counters, remotes, paths);
    descriptors.list.onFull = (port) => this.full.note(port);
    backplane.addSource(faults.around(descriptors.source));
    this.descriptors = descriptors;
    return descriptors;
  }

  /** @param isRead whether this worker receives from the device. Throws if it cannot be taken in. */
  add(spec: DeviceSpec, isRead: boolean): void {
    const { backplane, faults } = this;
    const device = attach(this, spec, isRead);
    if (device.source !== undefined) {
      device.source = faults.around(device.source);
      backplane.addSource(device.source);
    }
    this.attached.set(spec.port, device);
    if (spec.fault !== undefined) {
      if (faults.isEmpty) backplane.addSource(faults);
      faults.add(spec.port, device.sink, spec.fault);
    }
    backplane.attach(spec.port, this.sinkOf(spec.port));
  }

  /** Shapes the ports of the table, and no others. */
  shape(table: QosTable | null): void {
    const { shapers, backplane, attached } = this;
    const rows = new Map(Array.from(table?.ports ?? [], (port, row) => [port, row]));
    shapers.load(table);
    for (const port of attached.keys()) {
      const row = rows.get(port);
      const wasShaped = shapers.isShaped(port);
      if (row === undefined) shapers.release(port, backplane.batch);
      else shapers.add(port, this.sinkOf(port), row, backplane.batch);
      if (wasShaped === (row !== undefined)) continue;
      backplane.detach(port);
      backplane.attach(port, row === undefined ? this.sinkOf(port) : shapers);
    }
  }

  /** What a port's frames go to in the end, or its faults in front of that. */
  private sinkOf(port: number): Sink {
    return this.faults.has(port) ? this.faults : (this.attached.get(port) as Attached).sink;
  }

  /** Also of a port that is not there. */
  remove(port: number): void {
    const { attached, backplane, faults } = this;
    backplane.detach(port);
    this.shapers.remove(port);
    faults.remove(port);
    if (faults.isEmpty) backplane.removeSource(faults);
    const device = attached.get(port);
    device?.detach();
    if (device?.source !== undefined) backplane.removeSource(device.source);
    attached.delete(port);
    this.counters.setUp(port, 0);
  }

  /** See Attached. A port that is not there has none. */
  connect(port: number, fd: number): void {
    this.attached.get(port)?.connect?.(fd);
  }

  /** Receives from a VTEP. If that cannot be, its ports cannot be added. */
  addVtep(vtep: AddedVtep): void {
    try {
      this.open().addVtep(vtep);
    } catch {
      // Nothing with a file descriptor can be taken in: whoever needs it meets the same error.
    }
  }

  removeVtep(vtep: number): void {
    this.descriptors?.removeVtep(vtep);
  }

  get hasNews(): boolean {
    const { descriptors } = this;
    if (descriptors === null) return false;
    const { source, sockets, connected } = descriptors;
    const isRefused = sockets.refused.length > 0 || connected.refused.length > 0;
    return source.hasGone || isRefused || this.full.isNews;
  }

  /** What has become of devices since the last time. */
  takeNews(): DeviceNews[] {
    if (this.descriptors === null) return [];
    const { source, taps, registry, sockets, connected } = this.descriptors;
    const news: DeviceNews[] = [];
    for (const [port, errno] of source.gone.splice(0)) {
      taps.remove(port);
      news.push({ kind: 'gone', port, errno });
    }
    for (const [vtep, errno] of source.goneVteps.splice(0)) {
      for (const port of registry.portsOf(vtep)) {
        this.counters.setUp(port, 0);
        news.push({ kind: 'gone', port, errno });
      }
    }
    for (const [port, errno] of sockets.refused.splice(0)) news.push({ kind: 'unsegmented', port, errno });
    for (const [port, errno] of connected.refused.splice(0)) news.push({ kind: 'refused', port, errno });
    for (const port of this.full.take()) news.push({ kind: 'full', port, errno: 0 });
    return news;
  }

  close(): void {
    this.descriptors?.close();
    this.descriptors = null;
  }
}
