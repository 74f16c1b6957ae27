// DHCP servers of others on the segment: each is told of once. Who says that it is one is not known, so few are remembered.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import type { DhcpFrame } from '../../wire/dhcp4/frame.ts';
import { readUint32 } from '../../wire/dhcp4/values.ts';
import { formatMac } from '../../wire/mac.ts';

const MAX_SERVERS = 16;

export class OtherServers {
  private readonly seen = new Set<string>();

  /** The sender of an answer to a client, if it is new. */
  notice({ src, srcMac, message }: DhcpFrame): { address: number; mac: string } | undefined {
    const address = readUint32(message.options.get(OPTION.serverId)) ?? src;
    const mac = formatMac(srcMac.hi, srcMac.lo);
    const name = `${address} ${mac}`;
    if (this.seen.has(name) || this.seen.size >= MAX_SERVERS) return undefined;
    this.seen.add(name);
    return { address, mac };
  }
}
