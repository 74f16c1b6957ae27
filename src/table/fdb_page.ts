// A page of the FDB, for whoever wants to see all of it: five words an entry, by a walk over a bounded number of slots.
//
//   out:  | domain | MAC 0-1 | MAC 2-5 | next hop | age in ms << 3 | flags |      age at most 2^28 ms

import { ageAt, FLAGS, MS_PER_TICK, STATIC, WORDS } from './fdb_entry.ts';

/** Slots of one page: 0.3 ms if half of them are in use. */
const SLOTS = 32_768;
const PAGE_WORDS = 5;

export interface Page {
  /** The slot to go on from, or -1 at the end. There may be one although there is no entry. */
  next: number;
  entries: number;
}

/** Live entries from slot `from` on. @param maxAge by domain, in ticks */
export function readPage(
  words: Int32Array,
  maxAge: Int32Array,
  from: number,
  tick: number,
  out: Int32Array,
): Page {
  const slots = words.length / WORDS;
  const end = Math.min(slots, from + SLOTS);
  let entries = 0;
  let slot = from;
  for (; slot < end && (entries + 1) * PAGE_WORDS <= out.length; slot++) {
    const at = slot * WORDS;
    if (words[at] === 0 || words[at + 2] === 0) continue;
    const domain = words[at] >>> 16;
    const ticks = ageAt(words[at + 3], tick);
    const flags = words[at + 3] & FLAGS;
    if (ticks > maxAge[domain] && (flags & STATIC) === 0) continue;
    const age = flags & STATIC ? 0 : Math.max(0, ticks) * MS_PER_TICK;
    const to = entries++ * PAGE_WORDS;
    out[to] = domain;
    out[to + 1] = words[at] & 0xffff;
    out[to + 2] = words[at + 1];
    out[to + 3] = words[at + 2];
    out[to + 4] = (Math.min(age, 0x0fff_ffff) << 3) | flags;
  }
  return { next: slot < slots ? slot : -1, entries };
}
