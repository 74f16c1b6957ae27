// Frames of honest guests and of those that are not, byte by byte, without the code under test.

import { parseIp } from '../../../src/wire/ip_address.ts';
import { mac } from './frame_text.ts';
import { be16, icmpMessage, packet } from './packets.ts';

const ip = (text: string) => [...(parseIp(text) as Uint8Array)];
const BROADCAST = '*';

export interface ArpSpec {
  from: string;
  /** What ARP itself says, if it is not `from`. */
  sender?: string;
  ip: string;
  target: string;
  to?: string;
  reply?: boolean;
}

export function arp({
  from,
  sender = from,
  ip: address,
  target,
  to = BROADCAST,
  reply = false,
}: ArpSpec): Uint8Array {
  const head = [...mac(to), ...mac(from), 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, reply ? 2 : 1];
  return Uint8Array.from([...head, ...mac(sender), ...ip(address), 0, 0, 0, 0, 0, 0, ...ip(target)]);
}

export const UDP = 17;

export function udp(from: number, to: number, payload: number[] = []): number[] {
  return [...be16(from), ...be16(to), ...be16(8 + payload.length), 0, 0, ...payload];
}

/** A client's DHCP message: `type` 1 is a discover. */
export function dhcp(from: string, { chaddr = from, src = '0.0.0.0', type = 1 } = {}): Uint8Array {
  const message = [1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0, ...ip(src), ...new Array(12).fill(0), ...mac(chaddr)];
  const rest = [...new Array(236 - message.length).fill(0), 0x63, 0x82, 0x53, 0x63, 53, 1, type, 255];
  const payload = udp(68, 67, [...message, ...rest]);
  return packet({ from, to: BROADCAST, src, dst: '255.255.255.255', payload });
}

export interface NdSpec {
  from: string;
  src: string;
  dst?: string;
  /** 133 router solicitation, 134 advertisement, 135 neighbour solicitation, 136 advertisement, 137 redirect. */
  type: number;
  target?: string;
  /** The MAC in its option; none: no option. */
  option?: string;
  /** Before the message: extension headers, of which the first is of this kind. */
  extensions?: { next: number; bytes: number[] };
  to?: string;
}

export function nd({
  from,
  src,
  dst = 'ff02::1',
  type,
  target,
  option,
  extensions,
  to = '33:33:00:00:00:01',
}: NdSpec): Uint8Array {
  const body = [0, 0, 0, 0, ...(target === undefined ? [] : ip(target))];
  const options = option === undefined ? [] : [type === 136 ? 2 : 1, 1, ...mac(option)];
  const ra = type === 134 ? [0, 0, 0, 0, 0, 0, 0, 0] : [];
  const message = icmpMessage(src, dst, type, [...body, ...ra, ...options]);
  const payload = [...(extensions?.bytes ?? []), ...message];
  return packet({ from, to, src, dst, ttl: 255, protocol: extensions?.next ?? 58, payload });
}

/** The link-local address that a station makes of its MAC. */
export function linkLocal(station: string): string {
  const [a, b, c, d, e, f] = mac(station);
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${words.map((word) => word.toString(16)).join(':')}`;
}

/** The frame with tags behind its MACs, the outermost first. */
export function tagged(frame: Uint8Array, ...tags: [tpid: number, vid: number][]): Uint8Array {
  const all = tags.flatMap(([tpid, vid]) => [...be16(tpid), ...be16(vid)]);
  return Uint8Array.from([...frame.subarray(0, 12), ...all, ...frame.subarray(12)]);
}
