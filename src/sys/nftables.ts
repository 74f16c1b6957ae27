// A socket of nf_tables: it carries out batches, and lists what there is. A table with an owner lives as long as the
// socket that made it, and so as its process. The bytes are written and read by wire/nf_tables.ts. Control plane only.

import { aligned, native } from './native.ts';
import { listNetlink } from './netlink.ts';
import { check, SysError } from './sys_error.ts';
import { closeFd } from './wake.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;

export class NfTablesSocket {
  private fd: number;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** `netns` is an open namespace, -1 = here. Throws SysError. */
  static open(netns = -1): NfTablesSocket {
    const what = 'Cannot open a socket of nf_tables';
    const fd = check(native().tl_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), 'socket', what);
    const prepared = native().tl_link_prepare(fd);
    if (prepared < 0) closeFd(fd);
    check(prepared, 'setsockopt', what);
    return new NfTablesSocket(fd);
  }

  /** All of it or nothing; `steps` say what each message does. @throws SysError */
  carryOut({ bytes, steps }: { bytes: Buffer; steps: readonly string[] }): void {
    const batch = aligned(bytes.length);
    bytes.copy(batch);
    const failed = aligned(4);
    const result = native().tl_nft_batch(this.fd, batch, batch.length, failed);
    if (result >= 0) return;
    const step = steps[failed.readInt32LE()] ?? 'a batch';
    throw new SysError(-result, 'nf_tables', `Cannot set up nftables (${step})`);
  }

  /** The answer to a request for a list, in parts: wire/nf_listing.ts. @throws SysError */
  list(request: Buffer): Generator<Buffer> {
    return listNetlink(this.fd, request, 'Cannot list what nftables has');
  }

  /** Tables that it made go with it. */
  close(): void {
    if (this.fd < 0) return;
    closeFd(this.fd);
    this.fd = -1;
  }
}
