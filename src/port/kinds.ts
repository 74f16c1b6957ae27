// The kinds of devices: how a worker takes one in, and detaches it again. A kind is added here and as a spec in spec.ts.
//
//   kind       sink                        receives
//   tap, packet TapSink                    FdSource, by its fd
//   tun        TunDevice                   FdSource, by its fd; and what it says itself
//   vxlan      VxlanSockets or VxlanTaps   FdSource, by its VTEP
//   socket     SocketSink                  FdSource, by its fd, while it is connected
//   memory     MemoryDevice                itself
//   vhost_user VhostSink                   FdSource, by the fd that tells of kicks
//   aggregate  the engine's, for all       its members do

import type { Sink, Source } from '../engine/port.ts';
import { KIND } from '../sys/burst.ts';
import type { Counters } from '../table/counters.ts';
import type { Descriptors } from './descriptors.ts';
import { MemoryDevice } from './memory.ts';
import type { DeviceSpec, PacketDeviceSpec, TapDeviceSpec } from './spec.ts';
import { TunDevice } from './tun_device.ts';
import { VhostSink } from './vhost_sink.ts';

/** What a kind finds in the worker. */
export interface Surroundings {
  readonly counters: Counters;
  /** Takes the copies for aggregates. */
  readonly aggregates: Sink;
  /** The number of this worker, and how many send to the same devices. */
  readonly worker: number;
  readonly workers: number;
  /** What everything with a file descriptor shares; made when it is asked for first. */
  open(): Descriptors;
}

/** A device that the worker has taken in. */
export interface Attached {
  sink: Sink;
  /** Of its own, for what does not come by a file descriptor. */
  source?: Source;
  /** Of a socket: this is the connection from now on, -1 = none. Throws, and has none, if it cannot be taken in. */
  connect?(fd: number): void;
  /** Nothing is sent or received through it any more. */
  detach(): void;
}

/** @param isRead this worker receives from it. Throws, and leaves nothing behind, if the device cannot be taken in. */
type Attach<Spec> = (around: Surroundings, spec: Spec, isRead: boolean) => Attached;

const KINDS: { [Name in DeviceSpec['kind']]: Attach<Extract<DeviceSpec, { kind: Name }>> } = {
  tap: (around, spec, isRead) => attachDescriptor(around, spec, isRead, KIND.tap),

  packet: (around, spec, isRead) => {
    const attached = attachDescriptor(around, spec, isRead, KIND.packet);
    around.open().taps.setDetour(spec.port, spec.detour ?? -1);
    return attached;
  },

  tun: (around, spec, isRead) => {
    const { worker, workers } = around;
    const { burst, list, source } = around.open();
    const device = new TunDevice(spec, worker, burst, list, around.counters);
    const isOurs = (_: number, queue: number) =>
      spec.fds.length === 1 ? isRead : queue % workers === worker;
    const read = spec.fds.filter(isOurs);
    const detach = () => {
      for (const fd of read) source.remove(fd);
    };
    try {
      for (const fd of read) source.addTun(spec.port, fd, device);
    } catch (error) {
      detach();
      throw error;
    }
    around.counters.setUp(spec.port, 1);
    return { sink: device, source: device, detach };
  },

  vxlan: (around, spec) => {
    const descriptors = around.open();
    const { registry, sockets, tunnelTaps, tapDecapsulation } = descriptors;
    descriptors.requireVtep(spec.vtep);
    registry.add(spec);
    if (spec.underlay !== undefined) tapDecapsulation.add(spec);
    return {
      sink: spec.underlay === undefined ? sockets : tunnelTaps,
      detach: () => registry.remove(spec.port),
    };
  },

  memory: ({ counters, workers }, spec, isRead) => {
    const { port, toSwitch, fromSwitch, offloads } = spec;
    const device = new MemoryDevice(port, toSwitch, fromSwitch, offloads, counters, workers > 1);
    counters.setUp(port, 1);
    return { sink: device, source: isRead ? device : undefined, detach: () => {} };
  },

  socket: (around, { port, socket }, isRead) => {
    const { source, connected } = around.open();
    let current = -1;
    const connect = (fd: number) => {
      if (current >= 0 && isRead) source.remove(current);
      current = -1;
      connected.set(port, -1, socket);
      if (fd < 0) return;
      if (isRead) source.addPort(port, fd, socket);
      current = fd;
      connected.set(port, fd, socket);
    };
    connected.set(port, -1, socket);
    return { sink: connected, connect, detach: () => connect(-1) };
  },

  vhost_user: (around, spec, isRead) => {
    const { list, source } = around.open();
    if (isRead) source.addGuest(spec.port, spec.fd, spec.device);
    return {
      sink: new VhostSink(spec, list),
      detach: () => {
        if (isRead) source.remove(spec.fd);
      },
    };
  },

  aggregate: ({ aggregates }) => ({ sink: aggregates, detach: () => {} }),
};

function attachDescriptor(
  around: Surroundings,
  { port, fd, offloads }: TapDeviceSpec | PacketDeviceSpec,
  isRead: boolean,
  kind: number,
): Attached {
  const { source, taps } = around.open();
  if (isRead) source.addPort(port, fd, kind); // the step that may throw
  taps.add(port, fd, kind, offloads);
  return {
    sink: taps,
    detach: () => {
      if (isRead) source.remove(fd);
      taps.remove(port);
    },
  };
}

export function attach(around: Surroundings, spec: DeviceSpec, isRead: boolean): Attached {
  // The compiler cannot see that the row is the one for this very kind.
  return (KINDS[spec.kind] as Attach<DeviceSpec>)(around, spec, isRead);
}
