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
import type { DeviceSpec } from './worker/messages.ts';

/** UDP sockets that a tunnel sends through: source ports among which the underlay can spread flows. A power of two. */
const SENDERS = 16;
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

/** Opens a TAP, and if that fails says what stands in the way. */
function attach(what: 'port' | 'bridge', options: Parameters<typeof openTap>[0]): TapDevice {
  const { name, netns } = options;
  const verb = what === 'port' ? `Cannot attach port ${name}` : `Cannot create bridge ${name}`;
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
      const advice =
        what === 'port'
          ? 'type af_packet attaches existing interfaces'
          : 'choose another name for the bridge';
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
function explain(error: unknown, verb: string, what: 'port' | 'bridge', isThere: boolean): unknown {
  if (!(error instanceof SysError)) return error;
  const options = { cause: error };
  const advice = what === 'port' ? '; type af_packet attaches it all the same' : '';
  switch (error.code) {
    case 'EBUSY':
      return new TaploomError('port_busy', `${verb}: another process has the TAP open${advice}`, options);
    case 'EINVAL':
      if (!isThere) break;
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

/** UDP sockets, shared by the VXLAN ports that can share them. */
export class Tunnels {
  private readonly vteps = new Map<string, Shared & { number: number; fd: number }>();
  private readonly senders = new Map<string, Shared & { fds: number[] }>();
  private nextVtep = 0;
  /** Sockets that the data plane has to start and stop receiving from with its next change. */
  private addedVteps: { vtep: number; fd: number }[] = [];
  private removedVteps: { vtep: number; fd: number }[] = [];

  open(port: number, name: string, config: VxlanPortConfig): Device {
    const { local, dst_port, source_ports, ttl, udp_checksum, vni } = config;
    // Without its two lowest bits, the congestion mark, which follows the inner packet.
    const tos = config.tos === 'inherit' ? 0 : config.tos & ~3;
    const vtepKey = `${local} ${dst_port}`;
    const sendersKey = `${local} ${source_ports} ${ttl} ${tos} ${udp_checksum}`;
    const socket = { address: local, ttl, tos, checksum: udp_checksum };
    try {
      const vtep = this.share(this.vteps, vtepKey, () => this.openVtep({ ...socket, port: dst_port }));
      let senders: Shared & { fds: number[] };
      try {
        senders = this.share(this.senders, sendersKey, () => {
          const range = parseRange(source_ports) as { from: number; to: number };
          return pool(openSenders(socket, range, SENDERS));
        });
      } catch (error) {
        this.release(this.vteps, vtepKey);
        throw error;
      }
      const close = () => {
        this.release(this.senders, sendersKey);
        this.release(this.vteps, vtepKey);
      };
      return {
        spec: {
          kind: 'vxlan',
          port,
          vni,
          vtep: vtep.number,
          family: local.includes(':') ? 6 : 4,
          dstPort: dst_port,
          senders: senders.fds,
          udpSegment: udp_checksum,
          tos: config.tos === 'inherit' ? -1 : tos,
          remoteLearning: config.remote_learning,
          maxRemotes: config.max_remotes,
          fault: config.fault,
        },
        setMtu() {},
        close,
        undo: close,
      };
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw new TaploomError('device_failed', `Cannot attach port ${name}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** Receiving sockets that came since the last call. */
  takeAdded(): { vtep: number; fd: number }[] {
    return this.addedVteps.splice(0);
  }

  /** Receiving sockets that nobody uses any more; to be closed with `close` once the data plane let go of them. */
  takeRemoved(): { vtep: number; fd: number }[] {
    return this.removedVteps.splice(0);
  }

  private openVtep(
    options: Parameters<typeof openVtep>[0] extends infer O ? Omit<O & object, 'receive'> : never,
  ) {
    const { fd } = openVtep({ ...options, receive: true, trains: true } as Parameters<typeof openVtep>[0]);
    const number = this.nextVtep++;
    this.addedVteps.push({ vtep: number, fd });
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
