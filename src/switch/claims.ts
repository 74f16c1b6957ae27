// Tells of guests that claim addresses of others: once for each station and address in a while.

import { LRUCache } from 'lru-cache';
import type { Network } from '../config/networks.ts';
import type { EventFact } from '../event.ts';
import type { Punt } from '../protocol/host.ts';
import { parseArp } from '../wire/arp.ts';
import { HEADER_LEN, TYPE_ARP } from '../wire/ethernet.ts';
import { formatIp, ipv4Bytes } from '../wire/ip_address.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { formatMac, macAt } from '../wire/mac.ts';
import * as neighbour from '../wire/neighbour.ts';

const QUIET_MS = 60_000;
const REMEMBERED = 1000;
/** Of the source address in a frame, and of its EtherType. */
const SRC = 6;
const TYPE = 12;

export class Claims {
  private readonly tell: (fact: EventFact) => void;
  private readonly told = new LRUCache<string, true>({ max: REMEMBERED, ttl: QUIET_MS });

  constructor(tell: (fact: EventFact) => void) {
    this.tell = tell;
  }

  hear({ bytes, port }: Punt, { name, bridge }: Pick<Network, 'name' | 'bridge'>): void {
    const address = claimedIn(bytes);
    if (address === undefined) return;
    const { hi, lo } = macAt(new DataView(bytes.buffer, bytes.byteOffset), SRC);
    const mac = formatMac(hi, lo);
    const key = `${name} ${port} ${mac} ${address}`;
    if (this.told.has(key)) return;
    this.told.set(key, true);
    this.tell({ type: 'network', change: 'address_taken', network: name, bridge, port, address, mac });
  }
}

/** The address that an ARP frame or a neighbour discovery message says its sender has. */
function claimedIn(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_LEN) return undefined;
  if (view.getUint16(TYPE) === TYPE_ARP) {
    const arp = parseArp(bytes);
    return arp && formatIp(ipv4Bytes(arp.sender));
  }
  const message = neighbour.typeOf(view, HEADER_LEN, bytes.length);
  if (message < 0) return undefined;
  const at = message === neighbour.ADVERTISEMENT ? neighbour.targetAt(HEADER_LEN) : HEADER_LEN + ipv6.SRC;
  return formatIp(bytes.subarray(at, at + 16));
}
