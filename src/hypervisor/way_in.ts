// How a hypervisor gets at a port, by the kind of the port.

import type { DgramPortConfig, MemberConfig, PortConfig } from '../config/schema.ts';
import { parseSocketAddress } from '../config/socket_address.ts';
import { TaploomError } from '../error.ts';
import type { Socket, WayIn } from './guest_card.ts';

/** What is known of the interface of a port, if that is the host's. */
export interface InterfaceFacts {
  isTap: boolean;
  isMultiQueue: boolean;
}

export interface WayOptions {
  /** Of a TAP that can have several. Default 2 there. */
  queues?: number;
  /** Descriptors of the TAP by which the hypervisor has it, in its own numbers. */
  fds?: readonly number[];
  /** None: nobody can tell. */
  facts?: InterfaceFacts;
}

/** @throws TaploomError `no_way_in` */
export function wayIn(name: string, port: PortConfig | MemberConfig, options: WayOptions = {}): WayIn {
  const { queues, fds, facts } = options;
  if (fds !== undefined && port.type !== 'af_packet') throw noWay(name, 'descriptors are those of a TAP');
  switch (port.type) {
    case 'af_packet': {
      const device = port.interface ?? name;
      if (facts?.isTap === false) throw noWay(name, `interface ${device} is no TAP`);
      if (facts?.isMultiQueue === false && (queues ?? 1) > 1)
        throw noWay(name, `TAP ${device} has one queue: make it with multi_queue for more`);
      const many = queues ?? (facts?.isMultiQueue ? 2 : 1);
      return { kind: 'tap', interface: device, netns: port.netns, queues: many, fds };
    }
    case 'vhost_user':
      return {
        kind: 'vhost_user',
        path: port.path,
        isServer: port.mode === 'server',
        queues: queues ?? port.queues,
      };
    case 'stream':
      if (port.framing !== 'qemu') throw noWay(name, `no hypervisor speaks framing ${port.framing}`);
      return {
        kind: 'stream',
        socket: placeOf((port.path ?? port.address) as string),
        isServer: port.mode === 'server',
      };
    case 'dgram':
      return dgramWay(name, port);
    case 'tap':
      throw noWay(
        name,
        'the switch holds that TAP, and the host is at its other end. A TAP for a hypervisor is a port of type af_packet',
      );
    default:
      throw noWay(name, `there is no hypervisor at the other end of type ${port.type}`);
  }
}

/** Of a Unix socket without a `remote` the guest's end is beside ours: the switch answers whoever sends first. */
function dgramWay(name: string, port: DgramPortConfig): WayIn {
  const { framing, mode, path, address, remote } = port;
  if (framing !== 'qemu') throw noWay(name, `no hypervisor speaks framing ${framing}`);
  if (mode === 'client')
    throw noWay(name, 'with mode: client it looks for a socket that answers whoever sends');
  const own = remote ?? (path === undefined ? undefined : `${path}.guest`);
  if (own === undefined) throw noWay(name, 'say by its key remote where the guest will be');
  return {
    kind: 'dgram',
    socket: placeOf((path ?? address) as string),
    own: placeOf(own),
  };
}

function placeOf(place: string): Socket {
  return parseSocketAddress(place) ?? { path: place };
}

function noWay(name: string, why: string): TaploomError {
  return new TaploomError('no_way_in', `Port ${name} is not for a hypervisor: ${why}`);
}
