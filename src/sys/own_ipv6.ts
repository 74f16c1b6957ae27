// What the host says of itself on an interface of this namespace whose other end is a guest's.

import { writeFileSync } from 'node:fs';

/** As on a port of a kernel bridge: what the host says of itself there would go to the guest. */
export function withoutOwnIpv6(name: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1', { flag: 'r+' });
  } catch {
    // Without IPv6, or where /proc is not to be written: the guest hears some more frames.
  }
}
