// Packet sockets: attach an interface that exists and that stays what it is (a NIC, a veth, a TAP that QEMU holds). Who
// reads and writes them is somebody else (burst.ts). Control plane only. Rules: packet(7), net/packet/af_packet.c.

import { release } from 'node:os';
import { Detour } from './detour.ts';
import { IngressGuard } from './ingress_guard.ts';
import { interfaceId } from './interface_id.ts';
import { LinkSocket, type LinkState } from './link.ts';
import { aligned, native } from './native.ts';
import { withNetns } from './netns.ts';
import { check } from './sys_error.ts';
import { closeFdAside } from './wake.ts';

/**
 * Room for frames that wait while the worker is busy, and for frames on their way out. The kernel doubles it, and a
 * super-frame of 64 KiB takes 70: 32 MiB hold 450 of them, where a TAP queues 1,000.
 */
const BUFFER_BYTES = 16 << 20;

/** What any interface takes from a packet socket, as TUNSETOFFLOAD bits: where it cannot, the kernel does the work. */
const OFFLOADS = 0x0f;
/** UDP GSO in virtio-net headers came with Linux 6.2. */
const OFFLOADS_USO = 0x6f;

const NO_TAGS: ReadonlySet<number> = new Set();

export interface PacketOptions {
  interface: string;
  netns?: string;
  /** Keep the host's own stack from receiving on the interface. */
  guard: boolean;
  /** Give it a way for frames with service tags or several tags, which may exceed the MTU. */
  detour?: boolean;
  /** Another socket on the same interface. */
  beside?: PacketSocket;
}

/** By tags of 802.1Q. A priority tag is none. */
export interface PacketFilter {
  tagged: readonly { from: number; to: number }[];
  untagged: boolean;
}

export class PacketSocket {
  /** Non-blocking, closed on exec. */
  readonly fd: number;
  readonly offloads = usoIsKnown() ? OFFLOADS_USO : OFFLOADS;
  /** Its interface when it was attached. */
  readonly attached: LinkState;
  /** See interface_id.ts. */
  readonly id: string;
  private readonly links: LinkSocket;
  private readonly guard: IngressGuard | undefined;
  private readonly detour: Detour | undefined;
  private tags: ReadonlySet<number> = NO_TAGS;
  private name: string;
  private drops = 0;
  private filterKey: string | undefined;

  private constructor(
    fd: number,
    attached: LinkState,
    id: string,
    links: LinkSocket,
    guard: IngressGuard | undefined,
    detour: Detour | undefined,
  ) {
    this.fd = fd;
    this.attached = attached;
    this.id = id;
    this.links = links;
    this.guard = guard;
    this.detour = detour;
    this.name = attached.name;
  }

  /**
   * `accept` sees the interface before anything is done to it, and throws if it will not have it.
   * @throws SysError: ENODEV; EPERM without CAP_NET_RAW; of IngressGuard.open
   */
  static open(
    options: PacketOptions,
    accept: (link: LinkState, id: string) => void = () => {},
  ): PacketSocket {
    return withNetns(options.netns, (netns) => {
      const links = LinkSocket.open(options.netns);
      let guard: IngressGuard | undefined;
      try {
        const link = links.get(options.interface);
        const id = interfaceId(netns, link.index);
        accept(link, id);
        if (options.guard)
          guard = options.beside?.guard?.share() ?? IngressGuard.open(netns, link.index, link.name);
        const opened = native().tl_packet_open(netns, link.index, BUFFER_BYTES);
        const fd = check(opened, 'socket', `Cannot open a packet socket on ${options.interface}`);
        const detour = options.detour ? Detour.open(options.netns, netns, link.index) : undefined;
        return new PacketSocket(fd, link, id, links, guard, detour);
      } catch (error) {
        void guard?.close();
        links.close();
        throw error;
      }
    });
  }

  /** What takes frames with service tags or several tags to the interface. */
  get detourFd(): number | undefined {
    return this.detour?.fd;
  }

  /** The interface, whatever it is called by now; undefined if it was deleted or has left its namespace. */
  link(): LinkState | undefined {
    const state = this.links.at(this.attached.index);
    if (state !== undefined) {
      this.name = state.name;
      this.guard?.follow(this.name, this.tags);
    }
    return state;
  }

  /** Messages of rtnetlink that tell of the VLAN devices in its namespace. */
  vlanDevices(): Generator<Buffer> {
    return this.links.dump('vlan');
  }

  /** Tags, TPID << 16 | VID, whose frames the host's stack receives all the same: they belong to VLAN devices. */
  leaveToHost(tags: ReadonlySet<number>): void {
    this.tags = tags;
    this.guard?.follow(this.name, tags);
  }

  /** Undefined lets everything in. Throws SysError E2BIG: more ranges than the kernel takes instructions. */
  filter(filter: PacketFilter | undefined): void {
    const key = JSON.stringify(filter);
    if (key === this.filterKey) return;
    const { tagged, untagged } = filter ?? { tagged: [], untagged: true };
    const words = aligned(Math.max(8, 8 * tagged.length));
    new Int32Array(words.buffer).set(tagged.flatMap(({ from, to }) => [from, to]));
    const count = filter === undefined ? -1 : tagged.length;
    const what = `Cannot receive only some VLANs of ${this.name}`;
    check(native().tl_packet_filter(this.fd, words, count, untagged ? 1 : 0), 'setsockopt', what);
    this.filterKey = key;
  }

  /** Frames since the start that the socket had no room for. */
  dropped(): number {
    const since = native().tl_packet_drops(this.fd);
    if (since > 0) this.drops += since;
    return this.drops;
  }

  /** Aside: the kernel waits for all its processors. The host receives again when this is done. */
  async close(): Promise<void> {
    this.links.close();
    await Promise.all([closeFdAside(this.fd), this.detour?.close()]);
    await this.guard?.close();
  }
}

function usoIsKnown(): boolean {
  const [major, minor] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}
