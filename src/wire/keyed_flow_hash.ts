// A hash of the flow that a frame belongs to, for queues: who does not know the key cannot choose addresses and ports by which its
// frames get into the queue of another. Otherwise as flowHash, but of one direction.

import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import { portsAt } from './flow_hash.ts';
import { HalfSipHash } from './half_sip_hash.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';

export class KeyedFlowHash {
  private readonly hash: HalfSipHash;

  constructor(k0: number, k1: number) {
    this.hash = new HalfSipHash(k0, k1);
  }

  /** As flowHash. */
  of(view: DataView, macs: number, rest: number, length: number): number {
    const { hash } = this;
    const l3 = rest + 2;
    const end = rest + length - MACS_LEN;
    const type = view.getUint16(rest);
    hash.begin();
    if (type === TYPE_IPV4 && l3 + ipv4.HEADER_LEN <= end) {
      const protocol = ipv4.protocol(view, l3);
      hash.add(ipv4.src(view, l3));
      hash.add(ipv4.dst(view, l3));
      hash.add(
        ipv4.isFragment(view, l3) ? 0 : portsAt(view, protocol, l3 + ipv4.headerLength(view, l3), end),
      );
      hash.add(protocol);
    } else if (type === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
      const protocol = ipv6.nextHeader(view, l3);
      for (let at = l3 + 8; at < l3 + ipv6.HEADER_LEN; at += 4) hash.add(view.getInt32(at));
      hash.add(portsAt(view, protocol, l3 + ipv6.HEADER_LEN, end));
      hash.add(protocol);
    } else {
      for (let at = 0; at < MACS_LEN; at += 4) hash.add(view.getInt32(macs + at));
      hash.add(type);
    }
    return hash.end();
  }
}
