// The device of an `af_packet` port: an interface that exists and stays what it is. Taploom sets nothing of it, neither
// MTU nor address nor state; while it is attached, the host's own stack receives nothing on it.

import type { AfPacketDeviceConfig } from '../config/schema.ts';
import type { Share } from '../config/shared_interfaces.ts';
import { TaploomError } from '../error.ts';
import type { LinkState } from '../sys/link.ts';
import { PacketSocket } from '../sys/packet.ts';
import { SysError } from '../sys/sys_error.ts';
import type { Device } from './device.ts';
import { noNamespace } from './tap.ts';
import { VlanDevices } from './vlan_devices.ts';

/** Kinds of interfaces that carry Ethernet over IP, and less than 1,500 bytes. */
const KERNEL_TUNNELS = new Set(['vxlan', 'geneve', 'gretap', 'ip6gretap', 'erspan', 'ip6erspan']);

/**
 * @param userOf tells who in this switch has an interface already, and does not share it
 * @param beside of a port with which it shares the interface
 */
export function openAfPacket(
  port: number,
  name: string,
  config: AfPacketDeviceConfig,
  userOf: (id: string) => string | undefined,
  share?: Share,
  beside?: PacketSocket,
): Device {
  const { interface: device = name, netns, host_stack, stacked_tags, fault } = config;
  const verb = `Cannot attach port ${name}`;
  const socket = open(
    verb,
    { interface: device, netns, guard: !host_stack, detour: stacked_tags, beside },
    (id) => {
      requireUnused(verb, device, userOf(id));
    },
  );
  let { mtu: ownMtu, mac } = socket.attached;
  const close = () => socket.close();
  const vlans = new VlanDevices(
    socket.attached.index,
    () => socket.vlanDevices(),
    (tags) => socket.leaveToHost(tags),
  );
  try {
    if (share !== undefined) socket.filter(share);
    vlans.find();
  } catch (error) {
    void close();
    throw explain(error, verb, device, netns);
  }
  return {
    spec: { kind: 'packet', port, fd: socket.fd, detour: socket.detourFd, offloads: socket.offloads, fault },
    get mac() {
      return mac;
    },
    netns,
    tellsMtu: KERNEL_TUNNELS.has(socket.attached.kind),
    ifindex: socket.attached.index,
    offloads: socket.offloads,
    interfaceId: () => socket.id,
    socket,
    temporaryTap: socket.detourFd,
    get ownMtu() {
      return ownMtu;
    },
    setMtu() {},
    link() {
      const state = socket.link();
      if (state !== undefined) ({ mtu: ownMtu, mac } = state);
      return state;
    },
    vlanTags: vlans.tags,
    setVlanTag: (tag, place) => vlans.set(tag, place),
    findVlanTags: () => vlans.find(),
    queueDropped: () => socket.dropped(),
    close,
    undo: close,
  };
}

/** Frames would go round in circles. check.ts sees it where names do; two names may be one interface all the same. */
export function requireUnused(verb: string, device: string, user: string | undefined): void {
  if (user === undefined) return;
  throw new TaploomError('port_busy', `${verb}: interface ${device} is that of ${user} in this switch`);
}

function open(
  verb: string,
  options: Parameters<typeof PacketSocket.open>[0],
  accept: (id: string) => void,
): PacketSocket {
  try {
    return PacketSocket.open(options, (link, id) => {
      requireUsable(verb, link);
      accept(id);
    });
  } catch (error) {
    throw explain(error, verb, options.interface, options.netns);
  }
}

/** What a kernel bridge would not take either. */
function requireUsable(verb: string, { name, isEthernet, kind, master }: LinkState): void {
  if (kind === 'bridge') {
    throw new TaploomError(
      'kernel_bridge',
      `${verb}: interface ${name} is a kernel bridge; attach its ports`,
    );
  }
  if (!isEthernet) {
    throw new TaploomError('not_ethernet', `${verb}: interface ${name} is not an Ethernet interface`);
  }
  if (master !== 0) {
    throw new TaploomError(
      'interface_enslaved',
      `${verb}: interface ${name} belongs to another bridge or bond; take it out first (ip link set ${name} nomaster)`,
    );
  }
}

function explain(error: unknown, verb: string, device: string, netns: string | undefined): unknown {
  if (!(error instanceof SysError)) return error;
  const options = { cause: error };
  const { code, syscall } = error;
  if (code === 'EPERM' || code === 'EACCES') {
    const message = `${verb}: ${error.message}; attaching takes CAP_NET_RAW and CAP_NET_ADMIN: run as root`;
    return new TaploomError('not_permitted', message, options);
  }
  if (syscall === 'netns' && (code === 'ENOENT' || code === 'EINVAL'))
    return noNamespace(verb, netns, options);
  if (code === 'ENODEV') {
    const where = netns === undefined ? '' : ` in network namespace ${netns}`;
    return new TaploomError('no_such_interface', `${verb}: there is no interface ${device}${where}`, options);
  }
  if (syscall === 'nf_tables') {
    const message =
      `${verb}: ${error.message}; that takes nf_tables with netdev chains and Linux 5.12. ` +
      'host_stack: true attaches the interface without, and the host then answers on it, too';
    return new TaploomError('no_isolation', message, options);
  }
  if (syscall === 'nft_fwd_netdev') {
    const message = `${verb}: ${error.message}; stacked_tags takes nft_fwd_netdev. Without the key such frames have to fit the MTU`;
    return new TaploomError('no_stacked_tags', message, options);
  }
  return new TaploomError('device_failed', `${verb}: ${error.message}`, options);
}
