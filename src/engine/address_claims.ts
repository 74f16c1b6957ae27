// Whether a guest says that it has an address which its network knows to be another's: the gateway's, or one that was given to
// another guest. Neighbours believe the sender of any ARP frame, so a request claims as a reply does; a probe (RFC 5227) does not.
//
//   ARP: sender address -> sender MAC       ND: source of a solicitation, target of an advertisement -> the frame's source
//
// It goes by the MAC, and not by the port: a guest that moves, or has two links, keeps its address.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import type { Neighbours } from '../table/neighbours.ts';
import * as arp from '../wire/arp.ts';
import { etherType, HEADER_LEN, srcHi, srcLo, TYPE_ARP, TYPE_IPV6 } from '../wire/ethernet.ts';
import { NEXT_HEADER_ICMPV6, type } from '../wire/icmpv6.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as neighbour from '../wire/neighbour.ts';

/** Bytes of an option with a MAC. */
const MAC_OPTION = 8;
/** Two words: the MAC that was found. */
const owner = new Int32Array(2);

/** Of the frame of `row`, as it was received. `tagLength`: of the tag before its EtherType. */
export function claimsOthers(
  { rows, view }: FrameBatch,
  row: number,
  tagLength: number,
  domain: number,
  owners: Neighbours,
): boolean {
  const at = rows[row + COLUMN.start];
  const end = at + rows[row + COLUMN.length];
  const body = at + tagLength;
  if (body + HEADER_LEN > end) return false;
  const packet = etherType(view, body);
  if (packet === TYPE_ARP) {
    if (!arp.isWhole(view, body, end)) return false;
    const sender = arp.sender(view, body);
    if (sender === 0 || owners.find4(domain, sender, owner, 0) < 0) return false;
    return !isOwner(arp.senderHi(view, body), arp.senderLo(view, body));
  }
  if (packet !== TYPE_IPV6) return false;
  return claims6(view, at, body + HEADER_LEN, end, domain, owners);
}

/** @param macs of the frame */
function claims6(
  view: DataView,
  macs: number,
  ip: number,
  end: number,
  domain: number,
  owners: Neighbours,
): boolean {
  // Also behind extension headers, and whether or not a host would take it.
  const found = ipv6.firstTransport(view, ip, end);
  const at = ip + (found >> 8);
  if (found < 0 || (found & 0xff) !== NEXT_HEADER_ICMPV6 || neighbour.optionsAt(at) > end) return false;
  const message = type(view, at);
  if (message !== neighbour.SOLICITATION && message !== neighbour.ADVERTISEMENT) return false;
  const about = message === neighbour.ADVERTISEMENT ? neighbour.targetOf(at) : ip + ipv6.SRC;
  if (find6(view, about, domain, owners) < 0) return false;
  return !isOwner(srcHi(view, macs), srcLo(view, macs)) || tellsOther(view, neighbour.optionsAt(at), end);
}

/** Whether one of the options from `at` on tells a MAC that is not the owner's. */
function tellsOther(view: DataView, from: number, end: number): boolean {
  for (let at = from; at + MAC_OPTION <= end; ) {
    const length = neighbour.optionLength(view, at);
    if (length === 0) return false; // no host goes on here (RFC 4861 section 4.6)
    if (neighbour.isMacOption(view, at) && !isOwner(view.getUint16(at + 2), view.getInt32(at + 4)))
      return true;
    at += length;
  }
  return false;
}

function find6(view: DataView, at: number, domain: number, owners: Neighbours): number {
  return owners.find6(
    domain,
    view.getInt32(at),
    view.getInt32(at + 4),
    view.getInt32(at + 8),
    view.getInt32(at + 12),
    owner,
    0,
  );
}

function isOwner(hi: number, lo: number): boolean {
  return hi === owner[0] && lo === owner[1];
}
