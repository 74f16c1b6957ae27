// What who gets a packet sends back.

import { ICMP, packet } from './packets.ts';

/** Undefined: it asks for no answer. `flags` are TCP's. */
export function answerTo(bytes: Uint8Array, flags = 18): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const text = (at: number) => bytes.subarray(at, at + 4).join('.');
  const protocol = bytes[9];
  const ends = { src: text(16), dst: text(12), protocol };
  if (protocol === ICMP) {
    const type = { 8: 0, 13: 14 }[bytes[20]];
    return type === undefined ? undefined : packet({ ...ends, type, sport: view.getUint16(24) });
  }
  if (protocol !== 6 && protocol !== 17) return packet(ends);
  return packet({ ...ends, sport: view.getUint16(22), dport: view.getUint16(20), flags });
}
