// Offload requests that were lost on the way to a UDP socket.
//
// A datagram from a tunnel endpoint on this machine (another namespace, a veth pair) may never have met a network card:
// the kernel hands over its payload with the inner TCP or UDP checksum not completed, or even an inner TCP super-frame
// not segmented, and a UDP socket has no way to say so. Forwarded as they are, such frames are refused by their
// receiver, and TCP stalls.
//
// They can be told apart: the checksum field still holds the sum of the pseudo-header. In a finished packet it does
// so by chance, once in 65,536 times, and then completing it gives the same value again: nothing is lost. A packet
// that was damaged on a wire passes with the same probability with which its checksum would have missed the damage.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { fold, pseudo4, pseudo6 } from '../wire/checksum.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ip from '../wire/ip.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { GSO_TCPV4, GSO_TCPV6 } from '../wire/virtio_net.ts';
import * as vlan from '../wire/vlan.ts';

/**
 * Restores the offload columns of the frame of `row`, columns as a source leaves them. A super-frame becomes one of segments
 * that fit `mtu`: its own segment size is lost.
 */
export function restoreOffload(batch: FrameBatch, row: number, mtu: number): void {
  const { view, rows } = batch;
  const start = rows[row + COLUMN.start];
  const end = start + rows[row + COLUMN.length];
  const typeAt = vlan.skip(view, start + MACS_LEN, end);
  if (typeAt < 0) return;
  const type = view.getUint16(typeAt);
  const l3 = typeAt + 2;
  const found = ip.transport(view, type, l3, end);
  if (found < 0) return;
  const protocol = found & 0xff;
  const l4 = l3 + (found >>> 8);
  const packet = ip.packetLength(view, type, l3, end);
  const csumOffset = protocol === PROTOCOL_TCP ? tcp.CHECKSUM : protocol === PROTOCOL_UDP ? udp.CHECKSUM : -1;
  const headerLength = protocol === PROTOCOL_TCP ? tcp.HEADER_LEN : udp.HEADER_LEN;
  if (csumOffset < 0 || packet < 0 || l4 + headerLength > l3 + packet) return;
  const length = l3 + packet - l4;
  const sum = type === TYPE_IPV6 ? pseudo6(view, l3, protocol, length) : pseudo4(view, l3, protocol, length);
  if (view.getUint16(l4 + csumOffset) !== fold(sum)) return;
  rows[row + COLUMN.csumStart] = l4 - start;
  rows[row + COLUMN.csumOffset] = csumOffset;
  if (packet <= mtu || protocol !== PROTOCOL_TCP) return;
  rows[row + COLUMN.gsoType] = type === TYPE_IPV4 ? GSO_TCPV4 : GSO_TCPV6;
  rows[row + COLUMN.gsoSize] = Math.max(1, mtu - (l4 - l3) - tcp.headerLength(view, l4));
}
