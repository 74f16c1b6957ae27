// The way in through a TAP under a tunnel: outer headers are read here, and what segments, joins and completes checksums is
// the kernel. Remotes, VNIs and congestion marks are Decapsulation's business, as for datagrams from a socket.
//
//   a slot:   | virtio-net header, 24 | Ethernet, IPv4, UDP | VXLAN, 8 | inner frame |

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_DROP, NOBODY } from '../frame/hop.ts';
import { type Burst, LOST, RX } from '../sys/burst.ts';
import { DROP } from '../table/drops.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as udp from '../wire/udp.ts';
import * as virtioNet from '../wire/virtio_net.ts';
import * as vxlan from '../wire/vxlan.ts';
import type { Decapsulation } from './decapsulation.ts';
import { IP_AT, toNetworkOrder, udpAt } from './outer_frame.ts';
import type { VxlanPort } from './vxlan_port.ts';

export class TapDecapsulation {
  private readonly burst: Burst;
  private readonly decapsulation: Decapsulation;
  /** By VTEP, one of its ports: all have the same address and UDP port. */
  private readonly ports: (VxlanPort | undefined)[] = [];

  constructor(burst: Burst, decapsulation: Decapsulation) {
    this.burst = burst;
    this.decapsulation = decapsulation;
  }

  add(port: VxlanPort): void {
    this.ports[port.vtep] = port;
  }

  removeVtep(vtep: number): void {
    this.ports[vtep] = undefined;
  }

  /**
   * Appends the inner frame of the outer frame of `length` bytes that the TAP of `vtep` gave into the next slot. `from` is
   * the offset of the slot's row in `burst.rx`. Checks every outer length; what is no datagram for us becomes a drop.
   */
  receive(batch: FrameBatch, vtep: number, length: number, from: number): void {
    const { view, rows } = batch;
    const { rx } = this.burst;
    const at = batch.takeSlot();
    const header = at - virtioNet.TUNNEL_HEADER_LEN;
    const port = this.ports[vtep];
    const l4 =
      port?.underlay === undefined ? -1 : udpAt(view, at, at + length, port.underlay.local, port.dstPort);
    const gsoType = virtioNet.gsoType(view, header);
    // A super-frame without a tunnel is none of ours: the kernel was not told that it may give trains of datagrams.
    if (l4 < 0 || (gsoType !== virtioNet.GSO_NONE && (gsoType & virtioNet.GSO_UDP_TUNNEL) === 0)) {
      const reason = (rx[from + RX.flags] & LOST) === 0 ? DROP.vxlan_outer : DROP.receive_error;
      rows[batch.appendAt(at, NOBODY, length) + COLUMN.dest] = DEST_DROP | reason;
      return;
    }
    const ip = at + IP_AT;
    rx[from + RX.tos] = ipv4.tos(view, ip);
    rx[from + RX.address] = toNetworkOrder(ipv4.src(view, ip));
    const payload = l4 + udp.HEADER_LEN;
    const datagram = udp.length(view, l4) - udp.HEADER_LEN;
    const row = this.decapsulation.receiveAt(batch, vtep, payload, datagram, from);
    const shift = payload + vxlan.HEADER_LEN - at;
    const csumStart = virtioNet.csumStart(view, header);
    // A request that is not about the inner frame would be about the outer checksum, for which nobody asks any more.
    if ((virtioNet.flags(view, header) & virtioNet.NEEDS_CSUM) === 0 || csumStart < shift) return;
    rows[row + COLUMN.gsoType] = gsoType & ~virtioNet.GSO_UDP_TUNNEL;
    rows[row + COLUMN.gsoSize] = virtioNet.gsoSize(view, header);
    rows[row + COLUMN.csumStart] = csumStart - shift;
    rows[row + COLUMN.csumOffset] = virtioNet.csumOffset(view, header);
  }
}
