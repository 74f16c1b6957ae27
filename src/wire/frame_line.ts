// A frame in one line, for people: `02:...:01 > 02:...:02 tcp 10.0.0.1:4000 > 10.0.0.2:25`. Bytes come from strangers, and may be the
// beginning only.

import { HEADER_LEN, MACS_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import { formatIp } from './ip_address.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { formatMac, macAt } from './mac.ts';
import { skip, vid } from './vlan.ts';

const NAMES: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);
const MESSAGES: ReadonlySet<number> = new Set([1, 58]);

export function frameLine(bytes: Uint8Array): string {
  if (bytes.length < HEADER_LEN) return `${bytes.length} bytes`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [to, from] = [macAt(view, 0), macAt(view, 6)];
  const macs = `${formatMac(from.hi, from.lo)} > ${formatMac(to.hi, to.lo)}`;
  const typeAt = skip(view, MACS_LEN, bytes.length);
  if (typeAt < 0) return macs;
  const tag = typeAt === MACS_LEN ? '' : ` vlan ${vid(view.getUint16(MACS_LEN + 2))}`;
  return `${macs}${tag} ${packetLine(view, bytes, view.getUint16(typeAt), typeAt + 2)}`;
}

function packetLine(view: DataView, bytes: Uint8Array, type: number, at: number): string {
  const end = bytes.length;
  if (type === TYPE_ARP) return 'arp';
  if (type === TYPE_IPV4 && at + ipv4.HEADER_LEN <= end) {
    const isLater = ipv4.fragmentOffset(view, at) !== 0;
    const address = (offset: number) => formatIp(bytes.subarray(at + offset, at + offset + 4));
    const l4 = at + ipv4.headerLength(view, at);
    const ends: [string, string] = [address(ipv4.SRC), address(ipv4.DST)];
    return line(view, ipv4.protocol(view, at), ends, isLater ? end : l4, isLater);
  }
  if (type === TYPE_IPV6 && at + ipv6.HEADER_LEN <= end) {
    const address = (offset: number) => formatIp(bytes.subarray(at + offset, at + offset + 16));
    const found = ipv6.firstTransport(view, at, end);
    const ends: [string, string] = [address(ipv6.SRC), address(ipv6.DST)];
    if (found < 0)
      return line(view, ipv6.nextHeader(view, at), ends, end, ipv6.isLaterFragment(view, at, end));
    return line(view, found & 0xff, ends, at + (found >>> 8), false);
  }
  return `ethertype 0x${type.toString(16).padStart(4, '0')}`;
}

function line(
  view: DataView,
  protocol: number,
  ends: [string, string],
  l4: number,
  isLater: boolean,
): string {
  const name = NAMES[protocol] ?? `protocol ${protocol}`;
  const [src, dst] = ends;
  if (isLater) return `${name} ${src} > ${dst} (a later fragment)`;
  if (WITH_PORTS.has(protocol) && l4 + 4 <= view.byteLength) {
    const at = (address: string, port: number) =>
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    return `${name} ${at(src, view.getUint16(l4))} > ${at(dst, view.getUint16(l4 + 2))}`;
  }
  if (MESSAGES.has(protocol) && l4 + 2 <= view.byteLength)
    return `${name} ${src} > ${dst} type ${view.getUint8(l4)} code ${view.getUint8(l4 + 1)}`;
  return `${name} ${src} > ${dst}`;
}
