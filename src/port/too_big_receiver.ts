// Routers on the way of an IPv6 tunnel, which never fragment, and say what is too big for them (RFC 4443 section 3.2). The
// kernel is not asked to believe that, since anybody can forge it: this reads it from a raw socket, and believes it for one
// remote, if it quotes a frame that was sent there a moment ago (RFC 8201 section 4), and nothing below IPv6's least MTU.
//
//   | ICMPv6, 8: MTU | IPv6, 40: to the remote | UDP, 8 | VXLAN, 8 | inner frame, what there is of it |

import type { FrameBatch } from '../frame/frame_batch.ts';
import type { Burst } from '../sys/burst.ts';
import type { Paths } from '../table/paths.ts';
import type { Remotes } from '../table/remotes.ts';
import { HEADER_LEN, MACS_LEN } from '../wire/ethernet.ts';
import { flowHash, flowWord } from '../wire/flow_hash.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import { PROTOCOL_UDP } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as udp from '../wire/udp.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';
import type { Receiver } from './fd_source.ts';
import type { VniRegistry } from './vni_registry.ts';

/** What a tunnel over IPv6 adds to an inner packet. */
const OVERHEAD = ipv6.HEADER_LEN + udp.HEADER_LEN + vxlan.HEADER_LEN + HEADER_LEN;
/** Frames up to this length fit everywhere. */
export const FITS = ipv6.MIN_MTU - OVERHEAD + HEADER_LEN;
/** So many in a second are looked at, 10 us each. */
const PER_SECOND = 100;

export class TooBigReceiver implements Receiver {
  private readonly burst: Burst;
  private readonly registry: VniRegistry;
  private readonly remotes: Remotes;
  private readonly paths: Paths;
  private second = -1;
  private looks = 0;

  constructor(burst: Burst, registry: VniRegistry, remotes: Remotes, paths: Paths) {
    this.burst = burst;
    this.registry = registry;
    this.remotes = remotes;
    this.paths = paths;
  }

  receive(batch: FrameBatch, _vtep: number, length: number): void {
    const at = batch.takeSlot();
    const { second } = this.burst;
    if (second !== this.second) this.looks = 0;
    this.second = second;
    if (++this.looks <= PER_SECOND) this.hear(batch.view, at, at + length);
  }

  private hear(view: DataView, at: number, end: number): void {
    const l3 = at + icmpv6.HEADER_LEN;
    const l4 = l3 + ipv6.HEADER_LEN;
    const inner = l4 + udp.HEADER_LEN + vxlan.HEADER_LEN;
    if (end < inner + HEADER_LEN || !icmpv6.isPacketTooBig(view, at)) return;
    if (ipv6.nextHeader(view, l3) !== PROTOCOL_UDP || !vxlan.hasVni(view, inner - vxlan.HEADER_LEN)) return;
    const vni = vxlan.vni(view, inner - vxlan.HEADER_LEN);
    const limit = Math.max(icmpv6.mtu(view, at), ipv6.MIN_MTU) - OVERHEAD;
    for (const port of this.registry.portsWith(6, udp.dstPort(view, l4), vni)) {
      const word = (n: number) => view.getInt32(l3 + ipv6.DST + 4 * n, true);
      const row = this.remotes.find(port, word(0), word(1), word(2), word(3));
      if (row === 0 || !this.wasSent(view, row, inner, end)) continue;
      this.paths.lower(row, limit, this.burst.second);
    }
  }

  /** Whether the quotation of an inner frame at `inner` .. `end` is of one that went to the remote, tagged or not. */
  private wasSent(view: DataView, row: number, inner: number, end: number): boolean {
    const type = inner + MACS_LEN;
    const isTagged = view.getUint16(type) === vlan.TPID_8021Q && end - type > vlan.TAG_LEN + 2;
    for (const rest of isTagged ? [type, type + vlan.TAG_LEN] : [type]) {
      const length = end - rest + MACS_LEN;
      const flow = flowHash(view, inner, rest, length);
      if (this.paths.wasSent(row, flow, flowWord(view, rest, length))) return true;
    }
    return false;
  }
}
