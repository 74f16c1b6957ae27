// PIM's hello, RFC 7761 section 4.9.2: a multicast router is there, for so long.
//
//   | version 2, type 0 | 0 | checksum | option: type, length, value | ...

import type { Malformed, RouterHello } from './membership.ts';

const HEADER_LEN = 4;
const HELLO = 0x20;
const OPTION_LEN = 4;
const HOLD_TIME = 1;
/** Section 4.11: 3.5 times the period of hellos. */
const DEFAULT_HOLD_TIME = 105_000;
/** "Never time out". */
const FOREVER = 0xffff;

/** The message in [at, end). Its checksum is left to routers: a hello makes a port hear more, never less. */
export function parsePim(view: DataView, at: number, end: number): RouterHello | Malformed {
  if (end - at < HEADER_LEN) return 'too_short';
  if (view.getUint8(at) !== HELLO) return 'type';
  let option = at + HEADER_LEN;
  while (option + OPTION_LEN <= end) {
    const length = view.getUint16(option + 2);
    if (option + OPTION_LEN + length > end) return 'records';
    if (view.getUint16(option) === HOLD_TIME && length === 2) {
      const seconds = view.getUint16(option + OPTION_LEN);
      return { kind: 'hello', holdTime: seconds === FOREVER ? Number.POSITIVE_INFINITY : seconds * 1000 };
    }
    option += OPTION_LEN + length;
  }
  return { kind: 'hello', holdTime: DEFAULT_HOLD_TIME };
}
