// Options of a TCP header, RFC 9293 section 3.2: kind, length, value. Hostile ones end the search.

import { HEADER_LEN, headerLength } from './tcp.ts';

const END = 0;
const NOTHING = 1;
/** RFC 7323, 2.2 */
const WINDOW_SCALE = 3;
const WINDOW_SCALE_LEN = 3;

/** The shift of the window scale option of a header at `at`, of which bytes until `end` are there; -1 = it has none. */
export function windowScale(view: DataView, at: number, end: number): number {
  const stop = Math.min(at + headerLength(view, at), end, view.byteLength);
  for (let option = at + HEADER_LEN; option < stop; ) {
    const kind = view.getUint8(option);
    if (kind === END) return -1;
    if (kind === NOTHING) {
      option++;
      continue;
    }
    if (option + 2 > stop) return -1;
    const length = view.getUint8(option + 1);
    if (length < 2 || option + length > stop) return -1;
    if (kind === WINDOW_SCALE && length === WINDOW_SCALE_LEN) return view.getUint8(option + 2);
    option += length;
  }
  return -1;
}
