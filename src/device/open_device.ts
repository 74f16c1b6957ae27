// Opens what a configuration asks for, unless the switch has that very interface already.

import { isListener } from '../config/guest_ports.ts';
import type { LocalConfig, MemberConfig, PortConfig } from '../config/schema.ts';
import type { Share } from '../config/shared_interfaces.ts';
import { openAggregate } from './aggregate.ts';
import type { Device } from './device.ts';
import { openGuest, openListener } from './guest_socket.ts';
import { openMemory } from './memory.ts';
import { openAfPacket, requireUnused } from './packet.ts';
import { openSocketPort } from './socket_port.ts';
import type { Sockets } from './sockets.ts';
import { openLocal, openTapPort } from './tap.ts';
import { openTunPort } from './tun.ts';
import type { Tunnels } from './tunnels.ts';
import { openVethPort } from './veth.ts';
import { openVhostUser, type VhostUserParts } from './vhost_user/port.ts';

export interface DeviceRequest {
  number: number;
  name: string;
  config: PortConfig | MemberConfig | ({ type: 'local' } & LocalConfig);
  mtu: number;
  /** Of an attached interface that has other ports, too. */
  share?: Share;
  /** Who takes a bridge's own interface again that outlives the switch. */
  keeper: string;
}

/** `wake` tells the data plane that a memory port has frames. `guests` is for those of vhost-user. */
export async function openDevice(
  { number, name, config, mtu, share, keeper }: DeviceRequest,
  devices: ReadonlyMap<string, Device>,
  tunnels: Tunnels,
  sockets: Sockets,
  wake: () => void,
  guests: VhostUserParts,
): Promise<Device> {
  switch (config.type) {
    case 'local':
      return alone(
        `Cannot create bridge ${name}`,
        name,
        openLocal(number, name, config, mtu, keeper),
        devices,
      );
    case 'tap':
      return alone(`Cannot attach port ${name}`, name, openTapPort(number, name, config, mtu), devices);
    case 'tun':
      return alone(`Cannot attach port ${name}`, name, openTunPort(number, name, config, mtu), devices);
    case 'veth':
      return openVethPort(number, name, config, mtu, keeper, (id) => userOf(id, devices));
    case 'af_packet': {
      const others = [...(share?.others ?? [])];
      const beside = others.map((other) => devices.get(other)?.socket).find((socket) => socket !== undefined);
      return openAfPacket(number, name, config, (id) => userOf(id, devices, others), share, beside);
    }
    case 'vxlan':
      return tunnels.open(number, name, config);
    case 'vhost_user':
      return openVhostUser(number, name, config, mtu, guests);
    case 'stream': {
      const listener = sockets.listenerOf(name);
      if (listener !== undefined) return openGuest(number, name, listener, config, sockets);
      return isListener(config)
        ? openListener(number, name, config, sockets)
        : openSocketPort(number, name, config, sockets);
    }
    case 'dgram':
      return openSocketPort(number, name, config, sockets);
    case 'memory':
      return openMemory(number, name, config, wake);
    case 'aggregate':
      return openAggregate(number);
  }
}

/** The TAP, unless an af_packet port has its interface: nothing keeps such a one from being opened. */
async function alone(
  verb: string,
  name: string,
  device: Device,
  devices: ReadonlyMap<string, Device>,
): Promise<Device> {
  const packets = new Map([...devices].filter(([, { spec }]) => spec.kind === 'packet'));
  const id = packets.size === 0 ? undefined : device.interfaceId?.();
  try {
    if (id !== undefined) requireUnused(verb, name, userOf(id, packets));
    return device;
  } catch (error) {
    await device.undo();
    throw error;
  }
}

function userOf(
  id: string,
  devices: ReadonlyMap<string, Device>,
  except: readonly string[] = [],
): string | undefined {
  for (const [name, device] of devices)
    if (device.interfaceId?.() === id && !except.includes(name)) return name;
  return undefined;
}
