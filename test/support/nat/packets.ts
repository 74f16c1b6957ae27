// IPv4 packets for NAT: built with right checksums, told as text, and checked.

import { add, finish, finishNonZero, pseudo4 } from '../../../src/wire/checksum.ts';
import { formatIp, ipv4Bytes, ipv4Number, parseIp } from '../../../src/wire/ip_address.ts';

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const SYN = 2;
export const ACK = 16;
export const FIN = 1;
export const RST = 4;

export interface Fields {
  protocol?: number;
  src: string;
  dst: string;
  sport?: number;
  dport?: number;
  flags?: number;
  /** ICMP; `id` is `sport`. */
  type?: number;
  code?: number;
  payload?: Uint8Array;
  /** Identification, and the fragment word. */
  id?: number;
  fragment?: number;
  ttl?: number;
  /** UDP without a checksum. */
  unsummed?: boolean;
}

export const number = (text: string) => ipv4Number(parseIp(text) as Uint8Array) | 0;

/** A packet without Ethernet. */
export function packet(fields: Fields): Uint8Array {
  const { protocol = UDP, fragment = 0 } = fields;
  const body =
    (fragment & 0x1fff) === 0 ? transport(fields, protocol) : (fields.payload ?? new Uint8Array(8));
  const bytes = new Uint8Array(20 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, bytes.length);
  view.setUint16(4, fields.id ?? 0);
  view.setUint16(6, fragment);
  view.setUint8(8, fields.ttl ?? 64);
  view.setUint8(9, protocol);
  view.setInt32(12, number(fields.src));
  view.setInt32(16, number(fields.dst));
  view.setUint16(10, finish(add(view, 0, 20)));
  bytes.set(body, 20);
  if ((fragment & 0x3fff) === 0) complete(view, protocol, fields.unsummed === true);
  return bytes;
}

function transport(fields: Fields, protocol: number): Uint8Array {
  const payload = fields.payload ?? Uint8Array.of(1, 2, 3);
  const length = protocol === TCP ? 20 : protocol === UDP || protocol === ICMP ? 8 : 0;
  const bytes = new Uint8Array(length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(payload, length);
  if (protocol === ICMP) {
    view.setUint8(0, fields.type ?? 8);
    view.setUint8(1, fields.code ?? 0);
    view.setUint16(4, fields.sport ?? 0);
  } else if (length > 0) {
    view.setUint16(0, fields.sport ?? 0);
    view.setUint16(2, fields.dport ?? 0);
    if (protocol === UDP) view.setUint16(4, bytes.length);
    else view.setUint16(12, 0x5000 | (fields.flags ?? ACK));
  }
  return bytes;
}

function complete(view: DataView, protocol: number, unsummed: boolean): void {
  const end = view.byteLength;
  if (protocol === ICMP) view.setUint16(22, finish(add(view, 20, end)));
  if (protocol === TCP) view.setUint16(36, finish(add(view, 20, end, pseudo4(view, 0, TCP, end - 20))));
  if (protocol === UDP && !unsummed)
    view.setUint16(26, finishNonZero(add(view, 20, end, pseudo4(view, 0, UDP, end - 20))));
}

/** `udp 10.0.1.5:1000 > 8.8.8.8:53`, and what is wrong with checksums. */
export function tell(bytes: Uint8Array): string {
  if (bytes.length < 20) return 'nothing';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const protocol = view.getUint8(9);
  const address = (at: number) => formatIp(ipv4Bytes(view.getUint32(at)));
  const isLater = (view.getUint16(6) & 0x1fff) !== 0;
  const bad = finish(add(view, 0, 20)) === 0 ? '' : ' bad header checksum';
  const [src, dst] = [address(12), address(16)];
  if (isLater) return `fragment ${src} > ${dst}${bad}`;
  const whole = (view.getUint16(6) & 0x3fff) === 0;
  const sum = whole ? sumProblem(view, protocol) : '';
  if (protocol === ICMP) {
    const type = view.getUint8(20);
    if ([3, 4, 5, 11, 12].includes(type))
      return `icmp ${type}/${view.getUint8(21)} ${src} > ${dst}${bad}${sum} about [${tell(bytes.subarray(28))}]`;
    return `icmp ${type} ${src} > ${dst} id ${view.getUint16(24)}${bad}${sum}`;
  }
  if (protocol !== TCP && protocol !== UDP) return `${protocol} ${src} > ${dst}${bad}`;
  const name = protocol === TCP ? 'tcp' : 'udp';
  return `${name} ${src}:${view.getUint16(20)} > ${dst}:${view.getUint16(22)}${bad}${sum}`;
}

function sumProblem(view: DataView, protocol: number): string {
  const end = view.getUint16(2);
  if (end > view.byteLength) return ''; // quoted in part
  if (protocol === UDP && view.getUint16(26) === 0) return ' no sum';
  const pseudo = protocol === ICMP ? 0 : pseudo4(view, 0, protocol, end - 20);
  return finish(add(view, 20, end, pseudo)) === 0 ? '' : ' bad sum';
}

/** An ICMP error about a packet, as a router at `src` sends it to the packet's sender. */
export function icmpError(
  src: string,
  about: Uint8Array,
  fields: Partial<Fields> = {},
  quoted = 1000,
): Uint8Array {
  const view = new DataView(about.buffer, about.byteOffset);
  const dst = formatIp(ipv4Bytes(view.getUint32(12)));
  return packet({ protocol: ICMP, src, dst, type: 3, code: 1, payload: about.slice(0, quoted), ...fields });
}
