// Changes of words that checksums cover, with what is in the checksum updated (RFC 1624), so that a wrong one stays wrong.

import { fold, update } from './checksum.ts';

/** A checksum after `change`, a sum of ~m + m', in what it covers. */
export function amended(field: number, change: number): number {
  return ~fold((~field & 0xffff) + change) & 0xffff;
}

/** Adds `change`, a sum of ~m + m', to what a checksum at `at` covers. */
export function amend(view: DataView, at: number, change: number): void {
  view.setUint16(at, amended(view.getUint16(at), change));
}

/** The same for UDP, where 0 means that there is none. */
export function amendUdp(view: DataView, at: number, change: number): void {
  const before = view.getUint16(at);
  if (before === 0) return;
  view.setUint16(at, amended(before, change) || 0xffff);
}

/** A partial checksum, which is the sum of the pseudo-header. */
export function amendPartial(view: DataView, at: number, change: number): void {
  view.setUint16(at, fold(view.getUint16(at) + change));
}

/** Sets two bytes that the checksum at `checksum` covers. Both lie at even distance. */
export function replace16(view: DataView, at: number, value: number, checksum: number): void {
  view.setUint16(checksum, update(view.getUint16(checksum), view.getUint16(at), value));
  view.setUint16(at, value);
}
