// Frames of hosts that join and leave groups, as hosts make them.

import { add, finish, pseudo6 } from '../../src/wire/checksum.ts';
import { parseIp } from '../../src/wire/ip_address.ts';

const TYPES = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** Bytes of numbers, of addresses (text with a dot or a colon) and of 16-bit words (`w1`). */
function bytes(...parts: (number | string)[]): number[] {
  return parts.flatMap((part) => {
    if (typeof part === 'number') return [part];
    if (part.startsWith('w')) return [Number(part.slice(1)) >> 8, Number(part.slice(1)) & 0xff];
    return [...(parseIp(part) as Uint8Array)];
  });
}

const macOf = (group: string) => {
  const address = bytes(group);
  if (address.length === 16) return [0x33, 0x33, ...address.slice(12)];
  return [0x01, 0x00, 0x5e, address[1] & 0x7f, ...address.slice(2)];
};

/** An IP packet in a frame from host number `host`, its checksum right. */
export function packet(to: string, protocol: number, payload: number[], from: string, host = 1): Uint8Array {
  const is4 = to.includes('.');
  const ip = is4
    ? bytes(0x46, 0xc0, `w${24 + payload.length}`, 0, 0, 0, 0, 1, protocol, 0, 0, from, to, 0x94, 4, 0, 0)
    : bytes(0x60, 0, 0, 0, `w${8 + payload.length}`, 0, 1, from, to, protocol, 0, 5, 2, 0, 0, 1, 0);
  const frame = Uint8Array.from([
    ...macOf(to),
    ...[2, 0, 0, 0, 0, host],
    ...(is4 ? [8, 0] : [0x86, 0xdd]),
    ...ip,
    ...payload,
  ]);
  const view = new DataView(frame.buffer);
  const at = 14 + ip.length;
  if (is4) view.setUint16(24, finish(add(view, 14, at)));
  if (protocol !== 17) {
    const pseudo = is4 ? 0 : pseudo6(view, 14, protocol, payload.length);
    view.setUint16(at + 2, finish(add(view, at, frame.length, pseudo)));
  }
  return frame;
}

const addressOf = (group: string, host: number) =>
  group.includes('.') ? `192.0.2.${host}` : `fe80::${host.toString(16)}`;
const send = (to: string, payload: number[], host: number) =>
  packet(to, to.includes('.') ? 2 : 58, payload, addressOf(to, host), host);

/** IGMPv2 or MLDv1: `host` wants a group. */
export function join(group: string, host = 1): Uint8Array {
  const payload = group.includes('.') ? bytes(0x16, 0, 0, 0, group) : bytes(131, 0, 0, 0, 0, 0, 0, 0, group);
  return send(group, payload, host);
}

/** IGMPv2 or MLDv1: `host` wants it no more. */
export function leave(group: string, host = 1): Uint8Array {
  if (group.includes('.')) return send('224.0.0.2', bytes(0x17, 0, 0, 0, group), host);
  return send('ff02::2', bytes(132, 0, 0, 0, 0, 0, 0, 0, group), host);
}

/** IGMPv3 or MLDv2: records `[type, group, ...sources]`. */
export function report(records: [type: string, group: string, ...sources: string[]][], host = 1): Uint8Array {
  const is4 = records[0][1].includes('.');
  const body = records.flatMap(([type, group, ...sources]) =>
    bytes(TYPES.indexOf(type), 0, `w${sources.length}`, group, ...sources),
  );
  return send(
    is4 ? '224.0.0.22' : 'ff02::16',
    bytes(is4 ? 0x22 : 143, 0, 0, 0, 0, 0, `w${records.length}`, ...body),
    host,
  );
}

/** A datagram to a group. */
export function data(group: string, from: string, host = 9): Uint8Array {
  return packet(group, 17, bytes(0, 9, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4), from, host);
}

/** PIM's hello with a hold time in seconds. */
export function hello(holdTime: number, family: 4 | 6 = 4, host = 7): Uint8Array {
  const to = family === 4 ? '224.0.0.13' : 'ff02::d';
  return packet(to, 103, bytes(0x20, 0, 0, 0, 0, 1, 0, 2, `w${holdTime}`), addressOf(to, host), host);
}
