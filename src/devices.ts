// What ports stand on, seen from the control plane: opening, MTU, closing. The data plane gets a DeviceSpec with
// numbers; a descriptor that was opened here is closed here, after the data plane has let go of it.

import { TaploomError } from './api.ts';
import { stableMac } from './config/defaults.ts';
import { parseRange } from './config/range.ts';
import type { LocalConfig, MemoryPortConfig, TapPortConfig, VxlanPortConfig } from './config/schema.ts';
import { FrameRing } from './port/frame_ring.ts';
import { MemoryPort } from './port/memory.ts';
import { interfaceIdOfTap } from './sys/interface_id.ts';
import { LinkSocket, type LinkState, linkOfTap } from './sys/link.ts';
import { SysError } from './sys/sys_error.ts';
import { adoptTapFd, openTap, setTapPersist, type TapDevice, tapName } from './sys/tap.ts';
import { openSenders, openVtep, type VtepSocket } from './sys/udp.ts';
import { closeFd, closeFdAside } from './sys/wake.ts';
import { parseIp } from './wire/ip_address.ts';
import { type Mac, parseMac } from './wire/mac.ts';
import type { AddedVtep, DeviceSpec } from './worker/messages.ts';

/** UDP sockets that a tunnel sends through: source ports among which the underlay can spread flows. A power of two. */
const SENDERS = 16;
/** The most that Linux allows a TAP: what limits a tunnel is the network behind it. */
const UNDERLAY_MTU = 65_521;
/** An ordinary frame in a ring: 1,514 bytes and the record's header. */
const RING_FRAME = 1536;
const MIN_RING = 256 * 1024;

/** An open device. */
export interface Device {
  readonly spec: DeviceSpec;
  readonly mac?: string;
  /** TUNSETOFFLOAD bits. */
  readonly offloads?: number;
  /** The user's end of a memory port. */
  readonly memory?: MemoryPort;
  /** MTU of an interface that somebody else configures; undefined: Taploom sets it, or it cannot be seen. */
  readonly ownMtu?: number;
  setMtu(mtu: number): void;
  /** Bytes of the longest super-frame that the kernel may make for the port; undefined: not ours to say. */
  setGsoMaxSize?(bytes: number): void;
  /** Frames that the kernel had for the switch and dropped, where not the interface counts them. */
  queueDropped?(): number;
  /** The interface as the kernel has it, 50 us, in another namespace 130 us; undefined if it cannot be seen. */
  link?(): LinkState | undefined;
  /** Which interface it is, see interface_id.ts; undefined if it cannot be seen. */
  interfaceId?(): string | undefined;
  /** The interface is gone when this is done. */
  close(): void | Promise<void>;
  /** Closes, and takes back what opening left in the system: for a device that never came into force. */
  undo(): void | Promise<void>;
}

/** A TAP port, or with `bridge` the local interface of that bridge. */
export function openTapPort(port: number, name: string, config: TapPortConfig, mtu: number): Device {
  if (config.fd !== undefined) {
    const tap = adoptTapFd(config.fd, { offloads: config.offloads });
    // Its owner's: Taploom neither configures nor closes it.
    return tapDevice(port, tap, config, { ownMtu: tap.mtu || undefined, setMtu() {}, close() {}, undo() {} });
  }
  const { netns, owner, group, mac, persist, offloads } = config;
  const tap = attach('port', { name, netns, owner, group, mac, persist, offloads, mtu });
  return tapDevice(port, tap, config, ownTap(tap));
}

/** The interface of the bridge's own name. */
export function openLocal(port: number, bridge: string, config: LocalConfig, mtu: number): Device {
  const { netns, owner, group } = config;
  const tap = attach('bridge', {
    name: bridge,
    netns,
    owner,
    group,
    mac: config.mac ?? stableMac(bridge),
    mtu,
  });
  return tapDevice(port, tap, {}, ownTap(tap));
}

export function openMemory(port: number, name: string, config: MemoryPortConfig, wake: () => void): Device {
  let size = MIN_RING;
  while (size < config.capacity * RING_FRAME) size *= 2;
  const toSwitch = FrameRing.allocate(size);
  const fromSwitch = FrameRing.allocate(size);
  return {
    spec: {
      kind: 'memory',
      port,
      toSwitch: toSwitch.memory,
      fromSwitch: fromSwitch.memory,
      offloads: config.offloads,
      fault: config.fault,
    },
    memory: new MemoryPort(name, toSwitch, fromSwitch, wake),
    setMtu() {},
    close() {},
    undo() {},
  };
}

function tapDevice(
  port: number,
  tap: TapDevice,
  config: Pick<TapPortConfig, 'fault'>,
  life: Pick<Device, 'ownMtu' | 'setMtu' | 'setGsoMaxSize' | 'close' | 'undo'>,
): Device {
  const spec: DeviceSpec = { kind: 'tap', port, fd: tap.fd, offloads: tap.offloads, fault: config.fault };
  const link = () => linkOfTap(tap.fd, tap.ifindex);
  const interfaceId = () => interfaceIdOfTap(tap.fd);
  return { spec, mac: tap.mac, offloads: tap.offloads, link, interfaceId, ...life };
}

function ownTap(tap: TapDevice): Pick<Device, 'setMtu' | 'setGsoMaxSize' | 'close' | 'undo'> {
  const close = () => closeFdAside(tap.fd);
  return {
    setMtu(mtu) {
      // Wherever the interface was moved, and whatever it is called by now.
      using links = LinkSocket.ofTap(tap.fd);
      links.setMtu(tapName(tap.fd), mtu);
    },
    setGsoMaxSize(bytes) {
      using links = LinkSocket.ofTap(tap.fd);
      links.setGsoMaxSize(tapName(tap.fd), bytes);
    },
    close,
    undo() {
      try {
        if (tap.created) setTapPersist(tap.fd, false);
      } catch {
        // Deleted meanwhile: then nothing is left behind anyway.
      }
      return close();
    },
  };
}

const VERBS = {
  port: 'Cannot attach port',
  bridge: 'Cannot create bridge',
  underlay: 'Cannot open the TAP under a tunnel,',
};

/** Opens a TAP, and if that fails says what stands in the way. */
function attach(what: keyof typeof VERBS, options: Parameters<typeof openTap>[0]): TapDevice {
  const { name, netns } = options;
  const verb = `${VERBS[what]} ${name}`;
  let isThere = false;
  try {
    const link = kindOf(name, netns);
    if (link === 'bridge') {
      throw new TaploomError(
        'kernel_bridge',
        `${verb}: a kernel bridge of that name exists; delete it (ip link delete ${name}) or choose another name`,
      );
    }
    if (link !== undefined && link !== 'tun') {
      const advice = what === 'port' ? 'type af_packet attaches existing interfaces' : 'choose another name';
      throw new TaploomError(
        'interface_exists',
        `${verb}: an interface of that name exists, and it is not a TAP; ${advice}`,
      );
    }
    isThere = link !== undefined;
    return openTap(options);
  } catch (error) {
    throw explain(error, verb, what, isThere);
  }
}

function kindOf(name: string, netns: string | undefined): string | undefined {
  using links = LinkSocket.open(netns);
  return links.find(name)?.kind;
}

/** `isThere`: the TAP existed before. */
function explain(error: unknown, verb: string, what: keyof typeof VERBS, isThere: boolean): unknown {
  if (!(error instanceof SysError)) return error;
  const options = { cause: error };
  const advice = what === 'port' ? '; type af_packet attaches it all the same' : '';
  switch (error.code) {
    case 'EBUSY':
      return new TaploomError('port_busy', `${verb}: another process has the TAP open${advice}`, options);
    case 'EINVAL':
      if (!isThere || error.syscall === 'TUNSETOFFLOAD') break;
      return new TaploomError(
        'port_busy',
        `${verb}: the TAP has several queues, or is a TUN${advice}`,
        options,
      );
    case 'EPERM':
    case 'EACCES':
      return new TaploomError(
        'not_permitted',
        `${verb}: ${error.message}; creating interfaces needs CAP_NET_ADMIN: run as root, or in a user namespace ` +
          '(unshare -rn)',
        options,
      );
  }
  return new TaploomError('device_failed', `${verb}: ${error.message}`, options);
}

interface Shared {
  users: number;
  close(): void;
}

/** What tunnels receive from. */
interface Vtep extends Shared {
  number: number;
  fd: number;
  /** Of a TAP under tunnels. */
  mac?: string;
}

/** UDP sockets and TAPs under tunnels, shared by the VXLAN ports that can share them. */
export class Tunnels {
  private readonly vteps = new Map<string, Vtep>();
  private readonly senders = new Map<string, Shared & { fds: number[] }>();
  private nextVtep = 0;
  /** Sockets that the data plane has to start and stop receiving from with its next change. */
  private addedVteps: AddedVtep[] = [];
  private removedVteps: { vtep: number; fd: number }[] = [];

  open(port: number, name: string, config: VxlanPortConfig): Device {
    try {
      return config.underlay_tap === undefined
        ? this.openSockets(port, config)
        : this.openUnderlay(port, config, config.underlay_tap);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw new TaploomError('device_failed', `Cannot attach port ${name}: ${error.message}`, {
        cause: error,
      });
    }
  }

  private openSockets(port: number, config: VxlanPortConfig): Device {
    const { local, dst_port, source_ports, ttl, udp_checksum } = config;
    const tos = Math.max(0, tosOf(config));
    const vtepKey = `${local} ${dst_port}`;
    const sendersKey = `${local} ${source_ports} ${ttl} ${tos} ${udp_checksum}`;
    const socket = { address: local, ttl, tos, checksum: udp_checksum };
    const vtep = this.share(this.vteps, vtepKey, () => {
      const { fd } = openVtep({ ...socket, port: dst_port, receive: true, trains: true });
      return this.number(fd);
    });
    let senders: Shared & { fds: number[] };
    try {
      senders = this.share(this.senders, sendersKey, () =>
        pool(openSenders(socket, portsOf(config), SENDERS)),
      );
    } catch (error) {
      this.release(this.vteps, vtepKey);
      throw error;
    }
    const close = () => {
      this.release(this.senders, sendersKey);
      this.release(this.vteps, vtepKey);
    };
    const spec = { ...tunnelSpec(port, config, vtep.number), senders: senders.fds };
    return { spec, setMtu() {}, close, undo: close };
  }

  private openUnderlay(port: number, config: VxlanPortConfig, name: string): Device {
    const key = `${config.local} ${config.dst_port}`;
    const vtep = this.share(this.vteps, key, () => {
      const { fd, mac } = attach('underlay', { name, vnetHeader: 24, arp: false, mtu: UNDERLAY_MTU });
      return { ...this.number(fd, true), mac };
    });
    const close = () => this.release(this.vteps, key);
    const { from, to } = portsOf(config);
    const [a, b, c, d] = parseIp(config.local) as Uint8Array;
    const underlay = {
      fd: vtep.fd,
      mac: parseMac(vtep.mac as string) as Mac,
      local: (a << 24) | (b << 16) | (c << 8) | d,
      // The kernel takes one away where it forwards.
      ttl: Math.min(255, config.ttl + 1),
      sourcePort: from,
      sourcePorts: to - from + 1,
    };
    const spec = { ...tunnelSpec(port, config, vtep.number), senders: [], underlay };
    return { spec, interfaceId: () => interfaceIdOfTap(vtep.fd), setMtu() {}, close, undo: close };
  }

  /** Receiving sockets, and TAPs, that came since the last call. */
  takeAdded(): AddedVtep[] {
    return this.addedVteps.splice(0);
  }

  /** Receiving sockets that nobody uses any more; to be closed with `close` once the data plane let go of them. */
  takeRemoved(): { vtep: number; fd: number }[] {
    return this.removedVteps.splice(0);
  }

  /** A new number for what tunnels receive from. */
  private number(fd: number, isTap = false): Vtep {
    const number = this.nextVtep++;
    this.addedVteps.push({ vtep: number, fd, isTap });
    const close = () => {
      const waiting = this.addedVteps.findIndex(({ vtep }) => vtep === number);
      if (waiting < 0) {
        this.removedVteps.push({ vtep: number, fd });
        return;
      }
      // The data plane never heard of it.
      this.addedVteps.splice(waiting, 1);
      closeFd(fd);
    };
    return { users: 0, number, fd, close };
  }

  private share<T extends Shared>(pool: Map<string, T>, key: string, open: () => T): T {
    let shared = pool.get(key);
    if (shared === undefined) {
      shared = open();
      pool.set(key, shared);
    }
    shared.users++;
    return shared;
  }

  private release<T extends Shared>(pool: Map<string, T>, key: string): void {
    const shared = pool.get(key);
    if (shared === undefined || --shared.users > 0) return;
    pool.delete(key);
    shared.close();
  }
}

/** As many senders as a power of two allows; the others are closed again. */
function pool(sockets: VtepSocket[]): Shared & { fds: number[] } {
  const count = 2 ** Math.floor(Math.log2(sockets.length));
  for (const { fd } of sockets.splice(count)) closeFd(fd);
  const fds = sockets.map(({ fd }) => fd);
  return { users: 0, fds, close: () => fds.forEach(closeFd) };
}

/** Without its two lowest bits, the congestion mark, which follows the inner packet; -1: all of it follows that. */
function tosOf({ tos }: VxlanPortConfig): number {
  return tos === 'inherit' ? -1 : tos & ~3;
}

function portsOf({ source_ports }: VxlanPortConfig): { from: number; to: number } {
  return parseRange(source_ports) as { from: number; to: number };
}

function tunnelSpec(port: number, config: VxlanPortConfig, vtep: number) {
  return {
    kind: 'vxlan' as const,
    port,
    vni: config.vni,
    vtep,
    family: config.local.includes(':') ? (6 as const) : (4 as const),
    dstPort: config.dst_port,
    udpSegment: config.udp_checksum,
    tos: tosOf(config),
    remoteLearning: config.remote_learning,
    maxRemotes: config.max_remotes,
    fault: config.fault,
  };
}
