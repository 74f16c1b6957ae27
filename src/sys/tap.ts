// TAP devices: opens, configures and adopts them; who reads and writes them is somebody else (burst.ts).
// Control plane only. Rules and numbers: Documentation/networking/tuntap.rst, drivers/net/tun.c.

import { randomBytes } from 'node:crypto';
import { fstatSync, statSync } from 'node:fs';
import { groupId, userId } from './accounts.ts';
import { LinkSocket, linkOfTap } from './link.ts';
import { cText } from './mac_text.ts';
import { aligned, native } from './native.ts';
import { OWN_NETNS, withNetns } from './netns.ts';
import { check, SysError } from './sys_error.ts';
import { closeFd } from './wake.ts';

// linux/if.h
const IFNAMSIZ = 16;
// linux/if_tun.h
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_PERSIST = 0x0800;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;

/**
 * Sets of TUNSETOFFLOAD bits to try: checksum 1, TSO4 2, TSO6 4, ECN 8, USO 0x60. The kernel refuses a set with one bit
 * that it does not know: USO came with Linux 6.2. UDP tunnels (0x80, with an outer checksum 0x100) came with 6.17, and
 * only with a header of 24 bytes: with a shorter one their frames read as EFAULT.
 */
const OFFLOAD_SETS = [0x6f, 0x67, 0x0f, 0x07, 0x01];
/** All but USO: a super-frame of datagrams within a tunnel is better cut here than by whoever is on the way. */
const TUNNEL_OFFLOADS = 0x18f;

// Words and stages of tl_tap_attach in native/taploom.h.
const STAGE = 0;
const FLAGS = 1;
const STAGE_OPEN = 1;
const STAGE_ATTACH = 2;

export interface TapOptions {
  /** 1-15 bytes; a `%d` in it is numbered by the kernel. */
  name: string;
  /** Where the interface is created: a name under /var/run/netns or an absolute path. Default: here. */
  netns?: string;
  /** Bytes of virtio-net header before each frame. Default 12. With 24 it also takes and gives super-frames in UDP tunnels. */
  vnetHeader?: 24 | 12 | 0;
  /** A TUN: packets without Ethernet headers. */
  isTun?: boolean;
  /** False: the kernel sends without asking for a neighbour. Default true. */
  arp?: boolean;
  /** Take GSO frames and partial checksums (needs the header). Default true. */
  offloads?: boolean;
  multiQueue?: boolean;
  /** Who may open the interface without CAP_NET_ADMIN: a number or a name. */
  owner?: number | string;
  group?: number | string;
  mac?: string;
  mtu?: number;
  /** True: the interface outlives the fd. An interface that is persistent already stays so. */
  persist?: boolean;
  /** Default true. */
  up?: boolean;
}

export interface TapDevice {
  /** Non-blocking, closed on exec. */
  fd: number;
  name: string;
  /** False if a persistent interface of that name was taken over, or an fd adopted. */
  created: boolean;
  /** It was up when it was taken. */
  wasUp: boolean;
  /** Frames that the kernel had dropped for want of a reader before. */
  droppedBefore: number;
  /** 0 if the interface cannot be seen: its namespace is forbidden, or it is gone. Then mac is '' and mtu 0. */
  ifindex: number;
  mac: string;
  mtu: number;
  /** TUNSETOFFLOAD bits that the kernel accepted. */
  offloads: number;
  vnetHeaderSize: number;
}

/**
 * Creates a TAP or takes a persistent one that nobody holds, and configures it. Throws SysError; nothing is left
 * behind then. EBUSY: somebody has it open, or a non-TAP interface has the name (EINVAL on some kernels).
 *
 * A new one for another namespace is made here and moved: an open TAP keeps the namespace alive in which it was made,
 * and a host that somebody deletes should not go on answering.
 */
export function openTap(options: TapOptions): TapDevice {
  return withNetns(options.netns, (netns) => {
    const isMoved = netns >= 0 && !isHere(netns) && isNew(options);
    const flags =
      (options.isTun ? IFF_TUN : IFF_TAP) |
      IFF_NO_PI |
      (options.vnetHeader === 0 ? 0 : IFF_VNET_HDR) |
      (options.multiQueue ? IFF_MULTI_QUEUE : 0);
    const nameOut = aligned(16);
    const words = aligned(8);
    const name = isMoved ? passingName() : options.name;
    const fd = native().tl_tap_attach(isMoved ? -1 : netns, name, flags, nameOut, words);
    const out = new Int32Array(words.buffer);
    if (fd < 0) throw attachError(options, -fd, out[STAGE]);
    try {
      if (isMoved) handOver(fd, netns, options.name);
      // An interface that existed and that nobody held open must have been persistent; a new one is not yet.
      const created = (out[FLAGS] & IFF_PERSIST) === 0;
      return configure(fd, isMoved ? tapName(fd) : cText(nameOut), created, options);
    } catch (error) {
      native().tl_tap_set_persist(fd, (out[FLAGS] & IFF_PERSIST) === 0 ? 0 : 1);
      closeFd(fd);
      throw error;
    }
  });
}

/** A name that the kernel numbers or refuses is left to it. */
function isNew({ name, netns }: TapOptions): boolean {
  if (name.includes('%') || Buffer.byteLength(name) >= IFNAMSIZ) return false;
  using links = LinkSocket.open(netns);
  return !links.exists(name);
}

/** Of an interface that nobody should take for one that stays. */
function passingName(): string {
  return `tl-${randomBytes(5).toString('hex')}`;
}

function isHere(netns: number): boolean {
  const [there, here] = [fstatSync(netns), statSync(OWN_NETNS)];
  return there.ino === here.ino && there.dev === here.dev;
}

/** Moves the interface of an open TAP, wherever it is, into an open namespace. It is down then, and has no addresses. */
function handOver(fd: number, netns: number, name: string): void {
  using links = LinkSocket.ofTap(fd);
  links.handOver(links.index(tapName(fd)), netns, name);
}

/** The same for a namespace by its name (undefined = here), and up again. Throws SysError. */
export function moveTap(fd: number, netns: string | undefined, name: string): void {
  withNetns(netns ?? OWN_NETNS, (to) => handOver(fd, to, name));
  using links = LinkSocket.open(netns);
  links.setUp(name, true);
}

function configure(fd: number, name: string, created: boolean, options: TapOptions): TapDevice {
  const what = `Cannot configure TAP ${name}`;
  const vnetHeaderSize = options.vnetHeader ?? 12;
  if (vnetHeaderSize) check(native().tl_tap_set_header(fd, vnetHeaderSize), 'TUNSETVNETHDRSZ', what);
  const offloads =
    vnetHeaderSize === 24
      ? setTunnelOffloads(fd, what)
      : setTapOffloads(fd, vnetHeaderSize > 0 && options.offloads !== false);
  if (options.owner !== undefined) setTapOwner(fd, options.owner);
  if (options.group !== undefined) setTapGroup(fd, options.group);
  const links = LinkSocket.open(options.netns);
  try {
    // Only what differs: whoever owns a TAP that was made ready for him may open it, but not configure it.
    const now = links.get(name);
    if (options.mac !== undefined && options.mac.toLowerCase() !== now.mac) links.setMac(name, options.mac);
    if (options.mtu !== undefined && options.mtu !== now.mtu) links.setMtu(name, options.mtu);
    if (options.arp === false) links.withoutArp(name);
    if (options.persist) setTapPersist(fd, true);
    if (options.up !== false && !now.up) links.setUp(name, true);
    const { index, mac, mtu, stats } = links.get(name);
    const droppedBefore = stats.txDropped;
    const wasUp = now.up;
    return { fd, name, created, wasUp, droppedBefore, ifindex: index, mac, mtu, offloads, vnetHeaderSize };
  } finally {
    links.close();
  }
}

/** Who may open the interface without CAP_NET_ADMIN. Throws SysError, also if there is no such user. */
export function setTapOwner(fd: number, owner: number | string): void {
  check(native().tl_tap_set_owner(fd, userId(owner)), 'TUNSETOWNER', 'Cannot set the owner of a TAP');
}

export function setTapGroup(fd: number, group: number | string): void {
  check(native().tl_tap_set_group(fd, groupId(group)), 'TUNSETGROUP', 'Cannot set the group of a TAP');
}

/**
 * A duplicate of somebody else's open TAP fd: when its owner closes that, the next file that gets the number must not
 * receive frames. Ready for Burst: header size, offloads, and O_NONBLOCK, which duplicates share. The interface's MTU,
 * MAC and state are left alone.
 */
export function adoptTapFd(theirs: number, options: AdoptOptions = {}): TapDevice {
  const what = `Cannot use file descriptor ${theirs} as a TAP`;
  const fd = check(native().tl_dup(theirs), 'fcntl', what);
  try {
    return prepareTap(fd, what, options);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

interface AdoptOptions {
  vnetHeader?: 12 | 0;
  offloads?: boolean;
}

function prepareTap(fd: number, what: string, options: AdoptOptions): TapDevice {
  const vnetHeaderSize = options.vnetHeader ?? 12;
  const nameOut = aligned(16);
  const words = aligned(8);
  check(native().tl_tap_query(fd, nameOut, words), 'TUNGETIFF', what);
  const flags = new Int32Array(words.buffer)[FLAGS];
  const wanted = IFF_TAP | IFF_NO_PI | (vnetHeaderSize ? IFF_VNET_HDR : 0);
  if ((flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) !== wanted) {
    const names = `IFF_TAP, IFF_NO_PI and ${vnetHeaderSize ? '' : 'not '}IFF_VNET_HDR`;
    throw new SysError(22, 'TUNGETIFF', what, `it must have been opened with ${names}`);
  }
  check(native().tl_set_nonblocking(fd), 'fcntl', what);
  if (vnetHeaderSize) check(native().tl_tap_set_header(fd, vnetHeaderSize), 'TUNSETVNETHDRSZ', what);
  const offloads = setTapOffloads(fd, vnetHeaderSize > 0 && options.offloads !== false);
  const name = cText(nameOut);
  const link = linkOfTap(fd, 0);
  const { index, mac, mtu } = link ?? { index: 0, mac: '', mtu: 0 };
  const droppedBefore = link?.stats.txDropped ?? 0;
  return {
    ...{ fd, name, created: false, wasUp: true, droppedBefore },
    ...{ ifindex: index, mac, mtu, offloads, vnetHeaderSize },
  };
}

/**
 * Leaves an interface that outlives the fd as `ip tuntap add` makes one: without offloads, with the kernel's header size.
 * The next program that opens it may know of neither.
 */
export function resetTap(fd: number): void {
  check(native().tl_tap_reset(fd), 'TUNSETOFFLOAD', 'Cannot reset a TAP');
}

/** Off: the interface goes away when its last fd is closed. */
export function setTapPersist(fd: number, persist: boolean): void {
  const what = `Cannot make the TAP ${persist ? 'persistent' : 'temporary'}`;
  check(native().tl_tap_set_persist(fd, persist ? 1 : 0), 'TUNSETPERSIST', what);
}

/** The name that the interface of an open TAP has now. SysError EBADFD: it has been deleted. */
export function tapName(fd: number): string {
  const nameOut = aligned(16);
  check(native().tl_tap_query(fd, nameOut, aligned(8)), 'TUNGETIFF', 'Cannot read the name of a TAP');
  return cText(nameOut);
}

/** Which namespace the interface of an open TAP is in now: two that are equal are the same. Undefined: deleted, or forbidden. */
export function interfaceNetns(fd: number): string | undefined {
  const netns = native().tl_tap_netns(fd);
  if (netns < 0) return undefined;
  try {
    const { ino, dev } = fstatSync(netns);
    return `${dev} ${ino}`;
  } finally {
    closeFd(netns);
  }
}

/**
 * Whether the interfaces of open TAPs are up, wherever they are; undefined where one was deleted. 20 us for one, 40 us
 * for 64 of them.
 */
export function areTapsUp(fds: readonly number[]): (boolean | undefined)[] {
  const words = aligned(Math.max(1, fds.length) * 4);
  const states = new Int32Array(words.buffer).subarray(0, fds.length);
  states.set(fds);
  check(native().tl_tap_up(words, fds.length), 'poll', 'Cannot ask TAPs whether they are up');
  return Array.from(states, (state) => (state < 0 ? undefined : state === 1));
}

/** What the kernel sends and takes unfinished; tells the TUNSETOFFLOAD bits that it accepted. Throws SysError. */
export function setTapOffloads(fd: number, wanted: boolean): number {
  for (const bits of wanted ? OFFLOAD_SETS : []) {
    if (native().tl_tap_set_offload(fd, bits) >= 0) return bits;
  }
  check(native().tl_tap_set_offload(fd, 0), 'TUNSETOFFLOAD', 'Cannot set the offloads of a TAP');
  return 0;
}

function setTunnelOffloads(fd: number, what: string): number {
  const result = native().tl_tap_set_offload(fd, TUNNEL_OFFLOADS);
  if (result < 0) {
    throw new SysError(-result, 'TUNSETOFFLOAD', what, 'super-frames in UDP tunnels take Linux 6.17');
  }
  return TUNNEL_OFFLOADS;
}

function attachError(options: TapOptions, errno: number, stage: number): SysError {
  const where = options.netns === undefined ? '' : ` in network namespace ${options.netns}`;
  const what = `Cannot open TAP ${options.name}${where}`;
  if (stage === STAGE_OPEN) return new SysError(errno, 'open', `${what}: /dev/net/tun`);
  if (stage !== STAGE_ATTACH) return new SysError(errno, 'setns', what);
  return new SysError(errno, 'TUNSETIFF', what, ATTACH_REASONS.get(errno));
}

const ATTACH_REASONS = new Map([
  [1, 'this needs CAP_NET_ADMIN in that network namespace, or to be the owner of the TAP; try sudo'],
  [16, 'another process has it open'],
  [22, 'the name is not legal, or an interface of another kind or a multi-queue TAP has it'],
]);
