// The address that an untagged frame says its sender has: of ARP and neighbour discovery, or the source of a packet.

import { parseArp } from './arp.ts';
import { etherType, HEADER_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import { type IpBytes, ipv4Bytes } from './ip_address.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as neighbour from './neighbour.ts';

/** Undefined: it says nothing of the kind. */
export function claimedIn(frame: Uint8Array): IpBytes | undefined {
  if (frame.length < HEADER_LEN) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  switch (etherType(view, 0)) {
    case TYPE_ARP: {
      const arp = parseArp(frame);
      // A probe is about what it asks for (RFC 5227 section 1.1).
      return arp && ipv4Bytes(arp.sender === 0 ? arp.target : arp.sender);
    }
    case TYPE_IPV4:
      return frame.length < HEADER_LEN + ipv4.HEADER_LEN
        ? undefined
        : ipv4Bytes(ipv4.src(view, HEADER_LEN) >>> 0);
    case TYPE_IPV6: {
      if (frame.length < HEADER_LEN + ipv6.HEADER_LEN) return undefined;
      const message = neighbour.typeOf(view, HEADER_LEN, frame.length);
      const src = HEADER_LEN + ipv6.SRC;
      const isAboutTarget =
        message === neighbour.ADVERTISEMENT ||
        (message === neighbour.SOLICITATION && ipv6.isUnspecified(view, src));
      const at = isAboutTarget ? neighbour.targetAt(HEADER_LEN) : src;
      return frame.slice(at, at + 16);
    }
    default:
      return undefined;
  }
}
