// Guests that say what only routers and DHCPv6 servers say: each is told of once. Who says so is not known, so few are
// remembered.

import type { LeaseFact } from '../event.ts';
import { NEXT_HEADER_ICMPV6 } from '../wire/icmpv6.ts';
import { formatIp } from '../wire/ip_address.ts';
import { parseIpv6Frame } from '../wire/ipv6_frame.ts';
import { formatMac } from '../wire/mac.ts';

const MAX_SENDERS = 16;

export class RogueWatch {
  private readonly seen = new Set<string>();

  /** What is to be told of the sender of a frame, if it is new. */
  notice(frame: Uint8Array): Pick<LeaseFact, 'mac' | 'address' | 'reason'> | undefined {
    const packet = parseIpv6Frame(frame);
    if (typeof packet === 'string') return undefined; // hidden, and dropped for that
    const mac = formatMac(packet.srcMac.hi, packet.srcMac.lo);
    const isRouter = packet.protocol === NEXT_HEADER_ICMPV6;
    const name = `${isRouter} ${mac}`;
    if (this.seen.has(name) || this.seen.size >= MAX_SENDERS) return undefined;
    this.seen.add(name);
    return { mac, address: formatIp(packet.src), reason: isRouter ? 'router' : 'dhcp6' };
  }
}
