// Interfaces of one network namespace, through rtnetlink. Control plane only: 20 us and more a call.

import { isIP } from 'node:net';
import { cText, macBytes, macText } from './mac_text.ts';
import { aligned, native, removeLinkAside } from './native.ts';
import { endsList, listNetlink } from './netlink.ts';
import { openNetns, withNetns } from './netns.ts';
import { check, SysError } from './sys_error.ts';
import { closeFd } from './wake.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const ENODEV = 19;

// Words of tl_link_get in native/taploom.h.
const INDEX = 0;
const FLAGS = 1;
const MTU = 2;
const MASTER = 3;
const TYPE = 4;
const TX_QUEUES = 6;
const WORDS = 7;
const STATS = 12;
const KIND_BYTES = 16;
const NAME_BYTES = 16;
const ALIAS_BYTES = 256;
const DUMP_BYTES = 32_768;

// Words of tl_route_get.
const ROUTE_PREFIX = 0;
const ROUTE_MTU = 1;
const ROUTE_DEVICES = 2;
const ROUTE_DEVICE = 3;
const ROUTE_WORDS = 11;

// linux/if_arp.h, linux/if.h
const ARPHRD_ETHER = 1;
const IFF_NOARP = 0x80;

/** Bits of `flags`, linux/if.h. */
export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;

export interface LinkState {
  index: number;
  name: string;
  flags: number;
  up: boolean;
  mtu: number;
  mac: string;
  isEthernet: boolean;
  /** rtnetlink's kind: 'bridge', 'tun' (TAPs too), 'veth', 'vxlan' ...; '' for hardware and loopback. */
  kind: string;
  /** A text that somebody gave it (`ip link set NAME alias TEXT`); '' = none. */
  alias: string;
  /** ifindex of the kernel bridge or bond it is enslaved to, 0 = none. */
  master: number;
  /** Those that it may have: a TAP with `multi_queue` 256. */
  txQueues: number;
  stats: LinkStats;
}

/** A route as somebody configured it. */
export interface Route {
  /** Bits of its destination; 0 = the default route. */
  prefix: number;
  /** Its metric `mtu`, bytes; 0 = none. What ICMP messages said is not in it. */
  mtu: number;
  /** Indices of its interfaces: several if it has several next hops. */
  devices: number[];
}

/** The kernel's view: a frame that it sends into a TAP is *tx*. `txDropped` is the only sign of an overrun TAP. */
export interface LinkStats {
  rxPackets: number;
  txPackets: number;
  rxBytes: number;
  txBytes: number;
  rxErrors: number;
  txErrors: number;
  rxDropped: number;
  txDropped: number;
}

/**
 * The interface of an open TAP, wherever it was moved and whatever it is called by now. Undefined if it cannot be seen:
 * deleted, or in a namespace that is forbidden to this process. `ifindex` is the index that it had when it was opened.
 */
export function linkOfTap(tapFd: number, ifindex: number): LinkState | undefined {
  const out = reply();
  const result = native().tl_link_of_tap(tapFd, out.words, out.stats, out.mac, out.texts);
  if (result < 0) return undefined;
  const state = decode(out);
  // 1: nobody said where it is, and another interface may have its name here.
  return result === 1 && state.index !== ifindex ? undefined : state;
}

interface Reply {
  words: Buffer;
  stats: Buffer;
  mac: Buffer;
  texts: Buffer;
}

function reply(): Reply {
  return {
    words: aligned(WORDS * 4),
    stats: aligned(STATS * 8),
    mac: aligned(8),
    texts: aligned(KIND_BYTES + NAME_BYTES + ALIAS_BYTES),
  };
}

function decode({ words, stats, mac, texts }: Reply): LinkState {
  const word = new Int32Array(words.buffer);
  const stat = new Float64Array(stats.buffer);
  return {
    index: word[INDEX],
    flags: word[FLAGS],
    up: (word[FLAGS] & IFF_UP) !== 0,
    mtu: word[MTU],
    mac: macText(mac),
    kind: cText(texts.subarray(0, KIND_BYTES)),
    name: cText(texts.subarray(KIND_BYTES)),
    alias: cText(texts.subarray(KIND_BYTES + NAME_BYTES)),
    isEthernet: word[TYPE] === ARPHRD_ETHER && (word[FLAGS] & IFF_LOOPBACK) === 0,
    master: word[MASTER],
    txQueues: word[TX_QUEUES],
    stats: {
      rxPackets: stat[0],
      txPackets: stat[1],
      rxBytes: stat[2],
      txBytes: stat[3],
      rxErrors: stat[4],
      txErrors: stat[5],
      rxDropped: stat[6],
      txDropped: stat[7],
    },
  };
}

function found(result: number, out: Reply, what: string): LinkState | undefined {
  if (result === -ENODEV) return undefined;
  check(result, 'RTM_GETLINK', `Cannot read interface ${what}`);
  return decode(out);
}

export class LinkSocket {
  private fd: number;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** For the namespace of this process, or a named one (see netnsPath). */
  static open(netns?: string): LinkSocket {
    return withNetns(netns, (fd) => LinkSocket.inside(fd));
  }

  /** For the namespace in which a TAP's interface is now, wherever it was moved. */
  static ofTap(tapFd: number): LinkSocket {
    const what = "Cannot open an rtnetlink socket where the TAP's interface is";
    return new LinkSocket(check(native().tl_link_socket_of_tap(tapFd), 'socket', what));
  }

  private static inside(netns: number): LinkSocket {
    const what = 'Cannot open an rtnetlink socket';
    const fd = check(native().tl_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 'socket', what);
    const prepared = native().tl_link_prepare(fd);
    if (prepared < 0) closeFd(fd);
    check(prepared, 'setsockopt', what);
    return new LinkSocket(fd);
  }

  /** Everything about one interface; undefined if there is none of that name. */
  find(name: string): LinkState | undefined {
    const out = reply();
    const result = native().tl_link_get(this.fd, name, out.words, out.stats, out.mac, out.texts);
    return found(result, out, name);
  }

  /** The same by its index, whatever its name is now. */
  at(index: number): LinkState | undefined {
    const out = reply();
    const result = native().tl_link_at(this.fd, index, out.words, out.stats, out.mac, out.texts);
    return found(result, out, `number ${index}`);
  }

  /** Like find, but a missing interface is SysError ENODEV. */
  get(name: string): LinkState {
    const state = this.find(name);
    if (!state)
      throw new SysError(ENODEV, 'RTM_GETLINK', `Cannot read interface ${name}`, 'no such interface');
    return state;
  }

  exists(name: string): boolean {
    return this.find(name) !== undefined;
  }

  index(name: string): number {
    return this.get(name).index;
  }

  flags(name: string): number {
    return this.get(name).flags;
  }

  kind(name: string): string {
    return this.get(name).kind;
  }

  stats(name: string): LinkStats {
    return this.get(name).stats;
  }

  getMtu(name: string): number {
    return this.get(name).mtu;
  }

  setMtu(name: string, mtu: number): void {
    this.done(native().tl_link_set_mtu(this.fd, name, mtu), name, `set MTU ${mtu} of`);
  }

  /** Bytes of the longest super-frame that the kernel makes for the interface; Linux' default is 65,536. */
  setGsoMaxSize(name: string, bytes: number): void {
    this.done(native().tl_link_set_gso_max(this.fd, name, bytes), name, `set gso_max_size ${bytes} of`);
  }

  getMac(name: string): string {
    return this.get(name).mac;
  }

  setMac(name: string, mac: string): void {
    this.done(native().tl_link_set_mac(this.fd, name, macBytes(mac)), name, `set address ${mac} of`);
  }

  /** At most 200 bytes; '' takes it away. */
  setAlias(name: string, alias: string): void {
    this.done(native().tl_link_set_alias(this.fd, name, alias), name, 'set the alias of');
  }

  setUp(name: string, up: boolean): void {
    const result = native().tl_link_set_flag(this.fd, name, IFF_UP, up ? 1 : 0);
    this.done(result, name, up ? 'bring up' : 'take down');
  }

  /** From then on the kernel asks for nobody behind the interface: it sends to the interface's own address. */
  withoutArp(name: string): void {
    this.done(native().tl_link_set_flag(this.fd, name, IFF_NOARP, 1), name, 'configure');
  }

  remove(name: string): void {
    this.done(native().tl_link_remove(this.fd, name), name, 'remove');
  }

  /** By its index, on another thread: the kernel takes 20 ms. The socket is for nothing else meanwhile. */
  async removeAside(index: number): Promise<void> {
    const result = await removeLinkAside(this.fd, index);
    if (result !== -ENODEV) this.done(result, `number ${index}`, 'remove');
  }

  /**
   * Gives the interfaces of these open TAPs a number, any but 0, which all others carry: for `removeGroup`. They lose
   * their IPv6 routes.
   */
  groupTaps(fds: readonly number[], group: number): void {
    const words = aligned(fds.length * 4);
    new Int32Array(words.buffer).set(fds);
    const result = native().tl_link_group_taps(this.fd, words, fds.length, group);
    check(result, 'rtnetlink', 'Cannot group interfaces');
  }

  /** Interfaces of the namespace that carry this number. */
  countGroup(group: number): number {
    return check(native().tl_link_count_group(this.fd, group), 'RTM_GETLINK', 'Cannot count interfaces');
  }

  /** All that carry this number: 0.6 ms each instead of 20. SysError EOPNOTSUPP: one of them cannot be removed. */
  removeGroup(group: number): void {
    check(native().tl_link_remove_group(this.fd, group), 'rtnetlink', 'Cannot remove a group of interfaces');
  }

  /** An open TAP keeps working after the move; this socket no longer sees it. */
  moveToNetns(name: string, netns: string): void {
    const fd = openNetns(netns);
    try {
      this.done(native().tl_link_set_netns(this.fd, name, fd), name, `move to namespace ${netns}`);
    } finally {
      closeFd(fd);
    }
  }

  /** Into another namespace, under another name, in one step. */
  handOver(index: number, netns: number, name: string): void {
    this.done(native().tl_link_hand_over(this.fd, index, netns, name), name, 'move');
  }

  /** `10.0.0.1/24` or `2001:db8::1/64`; IPv6 without duplicate address detection, so that it works at once. */
  addAddress(name: string, cidr: string): void {
    this.done(this.changeAddress(name, cidr, 1), name, `add address ${cidr} to`);
  }

  removeAddress(name: string, cidr: string): void {
    this.done(this.changeAddress(name, cidr, 0), name, `remove address ${cidr} from`);
  }

  private changeAddress(name: string, cidr: string, on: 0 | 1): number {
    const [address, prefix = ''] = cidr.split('/');
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(prefix)) {
      throw new TypeError(`${cidr} is not an address with a prefix length`);
    }
    return native().tl_link_address(this.fd, this.index(name), address, Number(prefix), on);
  }

  /** Messages of rtnetlink that tell of all interfaces of a kind, and perhaps of others; each is valid until the next. */
  *dump(kind: string): Generator<Buffer> {
    const what = `Cannot read which ${kind} interfaces there are`;
    const bytes = aligned(DUMP_BYTES);
    check(native().tl_link_dump(this.fd, kind), 'RTM_GETLINK', what);
    for (;;) {
      const length = check(native().tl_link_dump_next(this.fd, bytes, DUMP_BYTES), 'RTM_GETLINK', what);
      if (length === 0) return;
      const isLast = endsList(bytes.subarray(0, length));
      yield bytes.subarray(0, length);
      if (isLast) return;
    }
  }

  /** Where a VXLAN device sends to, 4 or 16 bytes; undefined: it is none, or is told by its FDB. */
  vxlanRemote(index: number): Uint8Array | undefined {
    const remote = aligned(16);
    const length = native().tl_link_vxlan_remote(this.fd, index, remote);
    return length > 0 ? new Uint8Array(remote.subarray(0, length)) : undefined;
  }

  /** The route from one address to another, 20 us; undefined: there is none. Both are 4 or 16 bytes. */
  route(from: Uint8Array, to: Uint8Array): Route | undefined {
    const words = aligned(ROUTE_WORDS * 4);
    const result = native().tl_route_get(this.fd, Buffer.from(to), Buffer.from(from), to.length, words);
    if (result < 0) return undefined;
    const word = new Int32Array(words.buffer);
    const devices = [...word.subarray(ROUTE_DEVICE, ROUTE_DEVICE + word[ROUTE_DEVICES])];
    return { prefix: word[ROUTE_PREFIX], mtu: word[ROUTE_MTU], devices };
  }

  /** The answer to a request for a list, in parts: wire/route_listing.ts. @throws SysError */
  list(request: Buffer): Generator<Buffer> {
    return listNetlink(this.fd, request, 'Cannot list what rtnetlink has');
  }

  /** One whose acknowledgement is all there is to read: the end of a list without entries. @throws SysError */
  command(request: Buffer): void {
    for (const _ of this.list(request)) {
      // Nothing comes.
    }
  }

  close(): void {
    if (this.fd < 0) return;
    closeFd(this.fd);
    this.fd = -1;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private done(result: number, name: string, what: string): void {
    check(result, 'rtnetlink', `Cannot ${what} interface ${name}`);
  }
}
