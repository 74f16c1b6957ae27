// A probe for loops: a broadcast that no bridge keeps for itself, so that it comes back wherever broadcasts would.
//
//   | broadcast | source MAC | [tag] | 88-B7 | OUI 02-54-4C | protocol 1 | token, 8 bytes | zeros up to 60 bytes |
//
// 88-B7 is the OUI Extended EtherType of IEEE 802-2014, clause 9.2.4; the OUI has its local bit set, and is nobody's.

import { HEADER_LEN, MACS_LEN } from './ethernet.ts';
import { TAG_LEN, write } from './vlan.ts';

export const TYPE_OUI_EXTENDED = 0x88b7;
export const TOKEN_LEN = 8;
/** OUI, and two bytes of protocol number. */
const PROTOCOL = [0x02, 0x54, 0x4c, 0x00, 0x01];
const TOKEN_AT = HEADER_LEN + PROTOCOL.length;
const MIN_LEN = 60;

/** @param source six bytes @param tag TPID << 16 | TCI, 0 = none */
export function buildProbe(source: Uint8Array, tag: number, token: Uint8Array): Uint8Array {
  const tagLength = tag === 0 ? 0 : TAG_LEN;
  const frame = new Uint8Array(MIN_LEN + tagLength);
  const view = new DataView(frame.buffer);
  frame.fill(0xff, 0, 6);
  frame.set(source, 6);
  if (tag !== 0) write(view, MACS_LEN, tag);
  view.setUint16(MACS_LEN + tagLength, TYPE_OUI_EXTENDED);
  frame.set(PROTOCOL, HEADER_LEN + tagLength);
  frame.set(token, TOKEN_AT + tagLength);
  return frame;
}

/** The token of a probe without its tag; undefined: it is another frame. */
export function probeToken(frame: Uint8Array): Uint8Array | undefined {
  if (frame.length < TOKEN_AT + TOKEN_LEN) return undefined;
  if (((frame[MACS_LEN] << 8) | frame[MACS_LEN + 1]) !== TYPE_OUI_EXTENDED) return undefined;
  if (PROTOCOL.some((byte, n) => frame[HEADER_LEN + n] !== byte)) return undefined;
  return frame.subarray(TOKEN_AT, TOKEN_AT + TOKEN_LEN);
}
