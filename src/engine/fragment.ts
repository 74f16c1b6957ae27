// Fragments of IPv4 packets (RFC 791 section 3.2) for a way that is narrower, as Linux' ip_do_fragment makes them. The first
// one keeps the row; the others are rows behind all of the batch, each with headers of its own and its part of the same body.
//
//   row:    | MACs, type | header, options | bytes 0 ..           |
//   next:   | MACs, type | header, options | bytes 1,376 ..       |
//   next:   | MACs, type | header, options | the last bytes |
//
// Options that are not to be copied are no-operations in later fragments, so all headers have the same length.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { add, finishNonZero, fold } from '../wire/checksum.ts';
import { HEADER_LEN, MACS_LEN } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';

const TYPE_LEN = 2;
/** Of offsets and of all fragments but the last, in bytes. */
const UNIT = 8;
/** Of one packet: one of 64 KiB for an MTU of 576 has 119. */
const MAX_FRAGMENTS = 128;

/**
 * Splits the packet of `row`, which owns its headers and asks for no segments, so that each part is at most `mtu` bytes. False
 * if that takes too many rows; then nothing happened. Relies on a header that was checked, and no padding.
 */
export function fragment(batch: FrameBatch, row: number, mtu: number): boolean {
  const { rows, view } = batch;
  const l3 = rows[row + COLUMN.rest] + TYPE_LEN;
  const headerLength = ipv4.headerLength(view, l3);
  const room = mtu - headerLength;
  const step = room & -UNIT;
  const total = ipv4.totalLength(view, l3) - headerLength;
  if (total <= room) return true;
  if (step <= 0) return false;
  const others = Math.ceil((total - room) / step);
  if (others >= MAX_FRAGMENTS || others > batch.freeRows) return false;
  if (!completeChecksum(batch, row, l3 + headerLength + total)) return false;

  const head = HEADER_LEN + headerLength;
  const flag = ipv4.hasMore(view, l3) ? ipv4.MORE_FRAGMENTS : 0;
  const place = ipv4.fragmentOffset(view, l3);
  for (let from = step; from < total; from += step) {
    const left = total - from;
    const isLast = left <= room;
    const length = isLast ? left : step;
    const next = batch.appendPiece(row, head, head + from, length);
    const at = rows[next + COLUMN.rest] + TYPE_LEN;
    if (place === 0) blankOptions(view, at, headerLength);
    // What came as a fragment may have others behind it.
    finishHeader(view, at, headerLength + length, place + from / UNIT, isLast ? flag : ipv4.MORE_FRAGMENTS);
    if (isLast) break;
  }
  rows[row + COLUMN.length] = head + step;
  finishHeader(view, l3, headerLength + step, place, ipv4.MORE_FRAGMENTS);
  return true;
}

function finishHeader(view: DataView, at: number, length: number, place: number, flag: number): void {
  ipv4.setTotalLength(view, at, length);
  ipv4.setFragment(view, at, (place & ipv4.FRAGMENT_OFFSET) | flag);
  ipv4.completeChecksum(view, at);
}

/** Options without the copied flag are for the first of all fragments only. What contradicts itself is left as it is. */
function blankOptions(view: DataView, at: number, headerLength: number): void {
  const end = at + headerLength;
  for (let option = at + ipv4.HEADER_LEN; option < end; ) {
    const type = view.getUint8(option);
    if (type === ipv4.OPTION_END) return;
    const length = ipv4.optionLength(view, option, end);
    if (length < 0) return;
    if ((type & ipv4.OPTION_COPIED) === 0)
      for (let k = 0; k < length; k++) view.setUint8(option + k, ipv4.OPTION_NOP);
    option += length;
  }
}

/** A sum that somebody was to complete reaches over all fragments. False if its field is not among the headers. */
function completeChecksum(batch: FrameBatch, row: number, end: number): boolean {
  const { rows, view } = batch;
  const csumStart = rows[row + COLUMN.csumStart];
  if (csumStart === 0) return true;
  const origin = rows[row + COLUMN.rest] - MACS_LEN;
  const field = csumStart + rows[row + COLUMN.csumOffset];
  const near = batch.headLength(row);
  if (field + 2 > near) return false;
  const from = origin + csumStart;
  const split = Math.min(origin + near, end);
  let sum = add(view, from, split);
  if (split < end) {
    const body = batch.bodyAt(row);
    const rest = add(view, body, body + end - split);
    sum = fold(sum + ((split - from) % 2 === 0 ? rest : swapBytes(rest))); // RFC 1071 section 2 (B)
  }
  view.setUint16(origin + field, finishNonZero(sum));
  rows[row + COLUMN.csumStart] = 0;
  return true;
}

function swapBytes(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8);
}
