// Keeps the host's own stack from receiving on an interface, for as long as this process lives: see native/nft.c. VLAN
// devices on it still get what is theirs. What the host sends is not stopped. Control plane only.

import { aligned, native } from './native.ts';
import { check, SysError } from './sys_error.ts';
import { closeFd, closeFdAside } from './wake.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const EPERM = 1;

const NO_TAGS: ReadonlySet<number> = new Set();

export class IngressGuard {
  private readonly fd: number;
  private readonly index: number;
  private installed: string;
  private users = 1;

  private constructor(fd: number, index: number, installed: string) {
    this.fd = fd;
    this.index = index;
    this.installed = installed;
  }

  /**
   * `netns` is an open namespace, -1 = here. Throws SysError: EPERM if another process guards the interface, or without
   * CAP_NET_ADMIN; anything else if this kernel cannot (nf_tables with netdev chains and table owners: Linux 5.12).
   */
  static open(netns: number, index: number, name: string): IngressGuard {
    const what = `Cannot keep the host's own stack away from interface ${name}`;
    const fd = check(
      native().tl_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER),
      'nf_tables',
      what,
    );
    const result = install(fd, index, name, NO_TAGS, 0);
    if (result >= 0) return new IngressGuard(fd, index, keyOf(name, NO_TAGS));
    closeFd(fd);
    // The kernel has one word for a table that another process owns and for a lack of rights.
    const reason =
      result === -EPERM ? 'another process has attached it, or CAP_NET_ADMIN is missing' : undefined;
    throw new SysError(-result, 'nf_tables', what, reason);
  }

  /**
   * Follows an interface that was renamed, because nftables knows it by name, or that has other VLAN devices, with these
   * tags (TPID << 16 | VID). A refusal is left for the next call.
   */
  follow(name: string, tags: ReadonlySet<number>): void {
    const key = keyOf(name, tags);
    if (key === this.installed) return;
    if (install(this.fd, this.index, name, tags, 1) >= 0) this.installed = key;
  }

  /** For another port on the interface, which closes it, too. */
  share(): this {
    this.users++;
    return this;
  }

  async close(): Promise<void> {
    if (--this.users === 0) await closeFdAside(this.fd);
  }
}

function install(fd: number, index: number, name: string, tags: ReadonlySet<number>, again: 0 | 1): number {
  const words = aligned(Math.max(4, 4 * tags.size));
  new Uint32Array(words.buffer).set([...tags]);
  return native().tl_nft_drop_ingress(fd, tableOf(index), name, again, words, tags.size);
}

function keyOf(name: string, tags: ReadonlySet<number>): string {
  return [name, ...tags].join();
}

/** The index, unlike the name, is the interface's for ever. */
function tableOf(index: number): string {
  return `taploom-${index}`;
}
