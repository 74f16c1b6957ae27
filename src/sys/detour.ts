// A way to an interface for frames that a packet socket refuses or gets lost. The kernel lets a frame exceed an MTU by one
// tag, and counts none that lies beside the frame, as its own bridge has the outer one. What a socket sends has all its
// tags in its bytes; what is written to a TAP is received first, which takes the outer one off.
//
//   switch -> TAP tl-tagsN -> nftables, ingress: fwd -> interface
//
// The host sees the TAP, and receives nothing from it. It ends with the process. Control plane only.

import { native } from './native.ts';
import { check } from './sys_error.ts';
import { openTap } from './tap.ts';
import { closeFd, closeFdAside } from './wake.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;

/** Too small for IPv6, so that the host has nothing to say there. Who writes to a TAP is not bound by it. */
const MTU = 68;

export class Detour {
  /** Takes frames with a virtio-net header of 12 bytes. Nobody reads it. */
  readonly fd: number;
  private readonly table: number;

  private constructor(fd: number, table: number) {
    this.fd = fd;
    this.table = table;
  }

  /**
   * To the interface `index` of the namespace that `netns` names and `netnsFd` has open (-1 = here). Throws SysError if this
   * kernel has no TAPs, or no nftables that forward.
   */
  static open(netns: string | undefined, netnsFd: number, index: number): Detour {
    const tap = openTap({ name: 'tl-tags%d', netns, mtu: MTU, arp: false });
    let table = -1;
    try {
      const what = `Cannot forward from ${tap.name}`;
      table = check(
        native().tl_socket_in(netnsFd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER),
        'nf_tables',
        what,
      );
      const result = native().tl_nft_forward_ingress(table, `taploom-${tap.ifindex}`, tap.name, index);
      check(result, 'nft_fwd_netdev', what);
      return new Detour(tap.fd, table);
    } catch (error) {
      if (table >= 0) closeFd(table);
      closeFd(tap.fd);
      throw error;
    }
  }

  async close(): Promise<void> {
    await closeFdAside(this.fd);
    await closeFdAside(this.table);
  }
}
