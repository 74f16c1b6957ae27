// Keeps the host's own stack from receiving on an interface, for as long as this process lives: see native/nft.c.
// What the host sends is not stopped. Control plane only.

import { native } from './native.ts';
import { check, SysError } from './sys_error.ts';
import { closeFd, closeFdAside } from './wake.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const EPERM = 1;

export class IngressGuard {
  private readonly fd: number;
  private readonly index: number;
  private name: string;

  private constructor(fd: number, index: number, name: string) {
    this.fd = fd;
    this.index = index;
    this.name = name;
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
    const result = native().tl_nft_drop_ingress(fd, tableOf(index), name, 0);
    if (result >= 0) return new IngressGuard(fd, index, name);
    closeFd(fd);
    // The kernel has one word for a table that another process owns and for a lack of rights.
    const reason =
      result === -EPERM ? 'another process has attached it, or CAP_NET_ADMIN is missing' : undefined;
    throw new SysError(-result, 'nf_tables', what, reason);
  }

  /** nftables knows interfaces by name: follows one that was renamed. A refusal is left for the next call. */
  follow(name: string): void {
    if (name === this.name) return;
    if (native().tl_nft_drop_ingress(this.fd, tableOf(this.index), name, 1) >= 0) this.name = name;
  }

  close(): Promise<void> {
    return closeFdAside(this.fd);
  }
}

/** The index, unlike the name, is the interface's for ever. */
function tableOf(index: number): string {
  return `taploom-${index}`;
}
