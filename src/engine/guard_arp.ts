// ARP inspection: the sender of any ARP frame is believed by who hears it, and the address of a probe (RFC 5227) is about to be its
// sender's, so others must not have it.

import { DROP } from '../table/drops.ts';
import { GUARD } from '../table/port_guards.ts';
import * as arp from '../wire/arp.ts';
import { macRefusal, PASS, type Seen } from './guard_frame.ts';

/** @param at 12 bytes before the EtherType, as in an untagged frame */
export function arpRefusal(view: DataView, seen: Seen, at: number): number {
  const { flags, bindings, port, vlan, hi, lo } = seen;
  if ((flags & GUARD.mac) === 0) return PASS;
  if (!arp.isWhole(view, at, seen.end)) return DROP.arp_spoofed;
  const senderHi = arp.senderHi(view, at);
  const senderLo = arp.senderLo(view, at);
  // A virtual router's MAC address may be told from that of its interface (RFC 9568, 8.1.2), if the port has both.
  const isOther = senderHi !== hi || senderLo !== lo;
  if (isOther && !(bindings?.hasMac(port, vlan, hi, lo) && bindings.hasMac(port, vlan, senderHi, senderLo)))
    return DROP.arp_spoofed;
  if ((flags & GUARD.address) === 0) return macRefusal(seen);
  const sender = arp.sender(view, at);
  const claimed = sender === 0 ? arp.target(view, at) : sender;
  if (bindings?.has4(port, vlan, claimed, senderHi, senderLo) === true) return PASS;
  return DROP.arp_spoofed;
}
