// Options of DHCP, RFC 2132 section 2: code 1 | length 1 | value, with pads (0) between and an end (255).
//
// Two complications. First, `sname` and `file` of the header may hold options, too, if option 52 says so (RFC 2132
// section 9.3). Second, an option longer than 255 bytes is several of one code, in the order options, file, sname, to be
// joined (RFC 3396).

import { OPTION } from './codes.ts';

export type Options = ReadonlyMap<number, Uint8Array>;

/** Part of a message that holds options: [at, end). */
export interface Area {
  readonly at: number;
  readonly end: number;
}

/** Bytes of an option beside its value. */
const HEADER_LEN = 2;
/** Of a value that needs several: a multiple of 4, so that who does not join them sees whole addresses. */
const PIECE_LEN = 252;
/** What the length of an option can say. */
const MAX_LEN = 255;

type Pieces = Map<number, Uint8Array[]>;

/** Undefined if an option does not end within its area. Values of one piece share the memory of `bytes`. */
export function readOptions(bytes: Uint8Array, main: Area, file: Area, sname: Area): Options | undefined {
  const pieces: Pieces = new Map();
  if (!readArea(bytes, main, pieces)) return undefined;
  const overload = pieces.get(OPTION.overload)?.[0]?.[0] ?? 0;
  if ((overload & 1) !== 0 && !readArea(bytes, file, pieces)) return undefined;
  if ((overload & 2) !== 0 && !readArea(bytes, sname, pieces)) return undefined;
  const options = new Map<number, Uint8Array>();
  for (const [code, parts] of pieces) options.set(code, parts.length === 1 ? parts[0] : Buffer.concat(parts));
  return options;
}

/** A missing end is forgiven: RFC 2131 section 4.1 asks for one, and some clients have none. */
function readArea(bytes: Uint8Array, { at, end }: Area, into: Pieces): boolean {
  while (at < end) {
    const code = bytes[at++];
    if (code === OPTION.pad) continue;
    if (code === OPTION.end) return true;
    if (at >= end) return false;
    const length = bytes[at++];
    if (at + length > end) return false;
    const piece = bytes.subarray(at, at + length);
    const pieces = into.get(code);
    if (pieces === undefined) into.set(code, [piece]);
    else pieces.push(piece);
    at += length;
  }
  return true;
}

/** Bytes of an option with its headers. */
export function optionLength(value: Uint8Array): number {
  const pieces = value.length <= MAX_LEN ? 1 : Math.ceil(value.length / PIECE_LEN);
  return value.length + HEADER_LEN * pieces;
}

/** Writes one option, which the caller has room for, and returns where it ends. */
export function writeOption(bytes: Uint8Array, at: number, code: number, value: Uint8Array): number {
  const most = value.length <= MAX_LEN ? MAX_LEN : PIECE_LEN;
  let from = 0;
  do {
    const piece = value.subarray(from, from + most);
    bytes[at] = code;
    bytes[at + 1] = piece.length;
    bytes.set(piece, at + HEADER_LEN);
    at += HEADER_LEN + piece.length;
    from += most;
  } while (from < value.length);
  return at;
}
