// IP packets in frames, built and read byte by byte, without the code under test.

import { formatIp, parseIp } from '../../../src/wire/ip_address.ts';
import { mac } from './frame_text.ts';

export interface Packet {
  /** Stations. */
  from: string;
  to: string;
  src: string;
  dst: string;
  ttl?: number;
  protocol?: number;
  /** IPv4: the word of flags and fragment offset; DF by default. */
  fragment?: number;
  options?: number[];
  payload?: number[];
  /** Behind the packet. */
  padding?: number;
  vlan?: number;
}

export const be16 = (value: number) => [(value >>> 8) & 0xff, value & 0xff];
const ip = (text: string) => [...(parseIp(text) as Uint8Array)];

/** Ones' complement sum, the slow way. */
export function sumOf(bytes: ArrayLike<number>, from = 0, end = bytes.length): number {
  let sum = 0;
  for (let n = from; n < end; n += 2) {
    sum += bytes[n] * 256 + (n + 1 < end ? bytes[n + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

export function packet(spec: Packet): Uint8Array {
  const { from, to, src, dst, ttl = 64, protocol = 17, payload = [1, 2, 3, 4, 5, 6, 7, 8] } = spec;
  const options = spec.options ?? [];
  let header: number[];
  let type = [0x08, 0x00];
  if (src.includes(':')) {
    type = [0x86, 0xdd];
    header = [0x60, 0, 0, 0, ...be16(payload.length), protocol, ttl, ...ip(src), ...ip(dst)];
  } else {
    const length = 20 + options.length + payload.length;
    const first = [0x45 + options.length / 4, 0, ...be16(length), 0, 7, ...be16(spec.fragment ?? 0x4000)];
    const rest = [...ip(src), ...ip(dst), ...options];
    const sum = sumOf([...first, ttl, protocol, 0, 0, ...rest]);
    header = [...first, ttl, protocol, ...be16(~sum), ...rest];
  }
  const tag = spec.vlan === undefined ? [] : [0x81, 0x00, ...be16(spec.vlan)];
  const padding = new Array(spec.padding ?? 0).fill(0xee);
  return Uint8Array.from([...mac(to), ...mac(from), ...tag, ...type, ...header, ...payload, ...padding]);
}

/** An ICMP or ICMPv6 message with its checksum. */
export function icmpMessage(src: string, dst: string, type: number, rest: number[]): number[] {
  const message = [type, 0, 0, 0, ...rest];
  const pseudo = src.includes(':')
    ? [...ip(src), ...ip(dst), ...be16(0), ...be16(message.length), 0, 0, 0, 58]
    : [];
  const sum = sumOf([...pseudo, ...message]);
  message.splice(2, 2, ...be16(~sum));
  return message;
}

const station = (bytes: Uint8Array) =>
  bytes[0] === 2 && bytes.subarray(1, 5).every((byte) => byte === 0)
    ? String.fromCharCode(bytes[5])
    : Buffer.from(bytes).toString('hex');

/** `a > b 10.0.0.1 > 10.0.0.2 ttl 63 17 "payload in hex"`; says so if a checksum is wrong. */
export function showPacket(bytes: Uint8Array): string {
  const ends = `${station(bytes.subarray(6, 12))} > ${station(bytes.subarray(0, 6))}`;
  const type = bytes[12] * 256 + bytes[13];
  if (type === 0x8100) {
    const untagged = Uint8Array.from([...bytes.subarray(0, 12), ...bytes.subarray(16)]);
    return `vlan ${(bytes[14] * 256 + bytes[15]) & 0xfff} ${showPacket(untagged)}`;
  }
  if (type === 0x0800) {
    const header = (bytes[14] & 15) * 4;
    const bad = sumOf(bytes, 14, 14 + header) === 0xffff ? '' : ' BAD CHECKSUM';
    const fragment = (bytes[20] * 256 + bytes[21]) & 0x3fff;
    const part = fragment === 0 ? '' : ` part ${(fragment & 0x1fff) * 8}${fragment >>> 13 ? '+' : ''}`;
    const way = `${formatIp(bytes.subarray(26, 30))} > ${formatIp(bytes.subarray(30, 34))}`;
    const payload = Buffer.from(bytes.subarray(14 + header)).toString('hex');
    return `${ends} ${way} ttl ${bytes[22]}${part} ${bytes[23]} ${payload}${bad}`;
  }
  if (type === 0x86dd) {
    const way = `${formatIp(bytes.subarray(22, 38))} > ${formatIp(bytes.subarray(38, 54))}`;
    return `${ends} ${way} ttl ${bytes[21]} ${bytes[20]} ${Buffer.from(bytes.subarray(54)).toString('hex')}`;
  }
  return `${ends} ${type.toString(16)} ${Buffer.from(bytes.subarray(14)).toString('hex')}`;
}
