// A hash of the flow that a frame belongs to, for queues: who does not know the key cannot choose addresses and ports by which its
// frames get into the queue of another. Otherwise as flowHash, but of one direction.

import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import { portsAt } from './flow_hash.ts';
import { halfSipHash } from './half_sip_hash.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';

/** Two addresses of IPv6. */
const ADDRESS_WORDS = 8;

export class KeyedFlowHash {
  private readonly k0: number;
  private readonly k1: number;
  private readonly words = new Int32Array(ADDRESS_WORDS + 2);

  constructor(k0: number, k1: number) {
    this.k0 = k0;
    this.k1 = k1;
  }

  /** As flowHash. */
  of(view: DataView, macs: number, rest: number, length: number): number {
    const { words } = this;
    const l3 = rest + 2;
    const end = rest + length - MACS_LEN;
    const type = view.getUint16(rest);
    let count = 0;
    if (type === TYPE_IPV4 && l3 + ipv4.HEADER_LEN <= end) {
      const protocol = ipv4.protocol(view, l3);
      const l4 = l3 + ipv4.headerLength(view, l3);
      words[count++] = ipv4.src(view, l3);
      words[count++] = ipv4.dst(view, l3);
      words[count++] = ipv4.isFragment(view, l3) ? 0 : portsAt(view, protocol, l4, end);
      words[count++] = protocol;
    } else if (type === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
      const protocol = ipv6.nextHeader(view, l3);
      for (let at = l3 + 8; at < l3 + ipv6.HEADER_LEN; at += 4) words[count++] = view.getInt32(at);
      words[count++] = portsAt(view, protocol, l3 + ipv6.HEADER_LEN, end);
      words[count++] = protocol;
    } else {
      for (let at = 0; at < MACS_LEN; at += 4) words[count++] = view.getInt32(macs + at);
      words[count++] = type;
    }
    return halfSipHash(words, count, this.k0, this.k1);
  }
}
