// Whether a guest says that it has an address which its network knows to be another's: the gateway's, or one that was given to
// another guest. Neighbours believe the sender of any ARP frame, so a request claims as a reply does; a probe (RFC 5227) does not.
//
//   ARP: sender address -> sender MAC       ND: source of a solicitation, target of an advertisement -> the frame's source
//
// It goes by the MAC, and not by the port: a guest that moves, or has two links, keeps its address.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import type { Neighbours } from '../table/neighbours.ts';
import { ownersOf } from '../table/owned_addresses.ts';
import * as arp from '../wire/arp.ts';
import { etherType, HEADER_LEN, srcHi, srcLo, TYPE_ARP, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as neighbour from '../wire/neighbour.ts';

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
  const type = etherType(view, body);
  if (type === TYPE_ARP) {
    if (!arp.isWhole(view, body, end)) return false;
    const sender = arp.sender(view, body);
    if (sender === 0 || owners.find4(ownersOf(domain), sender, owner, 0) < 0) return false;
    return !isOwner(arp.senderHi(view, body), arp.senderLo(view, body));
  }
  if (type !== TYPE_IPV6) return false;
  const ip = body + HEADER_LEN;
  const message = neighbour.typeOf(view, ip, end);
  if (message < 0) return false;
  const about = message === neighbour.ADVERTISEMENT ? neighbour.targetAt(ip) : ip + ipv6.SRC;
  if (find6(view, about, domain, owners) < 0) return false;
  const mac = neighbour.macAt(view, ip, end);
  const isOwn = isOwner(srcHi(view, at), srcLo(view, at));
  return !isOwn || (mac >= 0 && !isOwner(view.getUint16(mac), view.getInt32(mac + 2)));
}

function find6(view: DataView, at: number, domain: number, owners: Neighbours): number {
  return owners.find6(
    ownersOf(domain),
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
