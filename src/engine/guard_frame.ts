// A frame as guards see it, and what all of them ask.

import type { Bindings } from '../table/bindings.ts';
import { DROP } from '../table/drops.ts';
import { GUARD } from '../table/port_guards.ts';

/** No refusal. It is the code of `runt`, which no guard says. */
export const PASS = 0;

/** One for all frames: to make one each would be garbage. */
export class Seen {
  flags = 0;
  port = 0;
  /** For which bindings hold; 0 = those that hold in all VLANs, and no others. Of private VLANs the primary one. */
  vlan = 0;
  hi = 0;
  lo = 0;
  /** First byte of the packet, behind all tags, and of what is behind the frame. */
  ip = 0;
  end = 0;
  bindings: Bindings | null = null;
  /** UDP port that the packet is for, if it is DHCP's. */
  dhcp = 0;
}

/** Whether anything is asked for which packets have to be understood. */
export function isLookedInto({ flags }: Seen): boolean {
  return (flags & (GUARD.mac | GUARD.servers | GUARD.routers)) !== 0;
}

/** By the MAC alone. */
export function macRefusal({ flags, bindings, port, vlan, hi, lo }: Seen): number {
  if ((flags & GUARD.mac) === 0 || bindings?.hasMac(port, vlan, hi, lo) === true) return PASS;
  return DROP.spoofed_mac;
}

/** Whether who has no address yet may ask for one. */
export function mayAsk(seen: Seen): boolean {
  return (seen.flags & GUARD.anyMac) !== 0 || macRefusal(seen) === PASS;
}
