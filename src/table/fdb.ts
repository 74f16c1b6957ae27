// The forwarding database: (domain, MAC) -> next hop, by open addressing over one Int32Array.
//
// Senders choose the addresses: so the hash is seeded at random, a probe ends after MAX_PROBES, limits end learning
// (learned.ts), and nothing displaces an entry. Only a station's *source* address keeps its entry alive.
// docs/decisions.md says why; fdb_entry.ts shows a slot; shared_fdb.ts is for workers.

import type { Counters } from './counters.ts';
import {
  ageAt,
  type FdbRules,
  FLAGS,
  LOCAL,
  LOCKED,
  maxAgeOf,
  NEVER,
  STATIC,
  TICK_SHIFT,
  WORDS,
} from './fdb_entry.ts';
import { type Page, readPage } from './fdb_page.ts';
import { Learned, PORT_MASK } from './learned.ts';
import { CONTROL } from './port_controls.ts';

/** With at most half of the slots in use a chain this long does not occur by chance in 4 million entries. */
export const MAX_PROBES = 128;

/** Slots in which a newcomer to a full bridge looks for an entry that gives way: 8 cache lines. */
const ROOM_SLOTS = 32;

/** What `learn` did. */
export const KNOWN = 0;
export const LEARNED = 1;
export const MOVED = 2;
/** A limit is reached or the chain is full; the frame is forwarded all the same. */
export const REFUSED = 3;
/** What `admit` did beside: a new entry waits for somebody to admit the station; the station may not send. */
export const ASKED = 4;
export const DENIED = 5;

/** An entry that may give way to a newcomer: how many addresses its port has, and the first two words of its slot. */
export interface Giver {
  count: number;
  key: number;
  lo: number;
}

export class Fdb {
  readonly slots: number;
  protected readonly words: Int32Array;
  private readonly mask: number;
  private readonly shift: number;
  private readonly learned: Learned;
  /** As `maxAgeOf`. */
  protected maxAge: Int32Array;
  /** Next hop of the station that moved last, before it did. */
  movedFrom = 0;
  /** The sweeper's place, a word offset like every `at`. */
  private cursor = 0;
  /** Where the next newcomer to a full bridge looks. */
  private hand = 0;
  /** For a dry run, which has a few entries of another table: what would give way there. Null: this is the table itself. */
  giver: Giver | null = null;
  /** One word: slots that are not empty, dead ones included. */
  private readonly used: Int32Array;
  private readonly seedHi: number;
  private readonly seedLo: number;
  private readonly multiplierHi: number;
  private readonly multiplierLo: number;

  /**
   * @param words zeroed memory of the caller, 4 words a slot; the number of slots is a power of two
   * @param counters the gauges `learned` of ports and bridges live here and are what limits are compared with
   * @param seed four random words
   * @param used one word, zeroed, of the same memory
   */
  constructor(
    words: Int32Array,
    counters: Counters,
    rules: FdbRules,
    seed: Int32Array,
    used: Int32Array = new Int32Array(1),
  ) {
    this.words = words;
    this.used = used;
    this.slots = words.length / WORDS;
    this.mask = words.length - 1;
    this.shift = 32 - Math.log2(this.slots);
    this.learned = new Learned(counters, rules);
    this.seedHi = seed[0];
    this.seedLo = seed[1];
    this.multiplierHi = seed[2] | 1;
    this.multiplierLo = seed[3] | 1;
    this.maxAge = maxAgeOf(rules);
  }

  /** Takes other rules. Where an ageing time changes, `expire` comes first. */
  configure(rules: FdbRules): void {
    this.learned.configure(rules);
    this.maxAge = maxAgeOf(rules);
  }

  /**
   * Forgets what has expired, by the present rules or by `rules`, if these change an ageing time: a longer one must not
   * bring back what the sweeper has not yet reclaimed. One pass, as `flush`.
   */
  expire(rules: FdbRules, tick: number): void {
    const { words, maxAge } = this;
    const next = maxAgeOf(rules);
    if (!maxAge.some((age, domain) => age !== NEVER && age !== next[domain])) return;
    for (let at = 0; at < words.length; at += WORDS) {
      if (words[at] === 0 || (words[at + 3] & STATIC) !== 0) continue;
      const domain = words[at] >>> 16;
      if (ageAt(words[at + 3], tick) > Math.min(maxAge[domain], next[domain] ?? NEVER)) this.kill(at);
    }
  }

  /** Next hop towards (domain, hi:lo), or 0. `tick` is `tickAt(now)`. */
  lookup(domain: number, hi: number, lo: number, tick: number): number {
    const { words } = this;
    const key = (domain << 16) | hi;
    const at = this.find(key, lo);
    if (at < 0 || words[at] !== key) return 0;
    return this.isFresh(domain, words[at + 3], tick) ? words[at + 2] : 0;
  }

  /** Notes that the station hi:lo of `domain` was seen from `hop`. REFUSED: it has no entry any more. Static ones stay. */
  learn(domain: number, hi: number, lo: number, hop: number, tick: number): number {
    return this.note(domain, hi, lo, hop, tick);
  }

  /**
   * Whether the station may send from `hop`, of a locked port: KNOWN, if it has an entry there that is not locked. As Linux'
   * br_handle_frame_finish(): nobody moves to a locked port, and with MAB (`flags`) a stranger gets a locked entry.
   */
  admit(domain: number, hi: number, lo: number, hop: number, tick: number, flags: number): number {
    const { words } = this;
    const key = (domain << 16) | hi;
    const stamp = tick << TICK_SHIFT;
    const at = this.find(key, lo);
    if (at < 0 || words[at] !== key || words[at + 2] === 0 || !this.isFresh(domain, words[at + 3], tick)) {
      if ((flags & CONTROL.mab) === 0) return DENIED;
      // What has expired admits nobody, and must not be refreshed to an entry that does.
      if (at >= 0 && words[at] === key) this.kill(at);
      const result = this.note(domain, hi, lo, hop, tick);
      if (result !== LEARNED && result !== MOVED) return result === REFUSED ? REFUSED : DENIED;
      words[this.find(key, lo) + 3] = stamp | LOCKED;
      return ASKED;
    }
    const kind = words[at + 3] & FLAGS;
    if (words[at + 2] !== hop || (kind & LOCAL) !== 0) return DENIED;
    const isSeen = (kind & LOCKED) !== 0 ? flags & CONTROL.mab : flags & CONTROL.learns;
    if (isSeen !== 0 && (kind & STATIC) === 0) words[at + 3] = stamp | kind;
    return (kind & LOCKED) !== 0 ? DENIED : KNOWN;
  }

  /** Whether the port of `hop` has all addresses that it may, and its frames of others are not wanted. */
  isBeyond(hop: number): boolean {
    return this.learned.has(hop, CONTROL.limited) && !this.learned.hasPortRoom(hop);
  }

  protected note(domain: number, hi: number, lo: number, hop: number, tick: number): number {
    const { words } = this;
    const key = (domain << 16) | hi;
    const stamp = tick << TICK_SHIFT;
    const at = this.find(key, lo);
    if (at < 0) return REFUSED;
    if (words[at] !== key) return this.insert(at, key, lo, hop, stamp);
    if (words[at + 2] !== hop) return this.update(at, domain, hop, stamp);
    if (words[at + 3] !== stamp && (words[at + 3] & STATIC) === 0) words[at + 3] = stamp;
    return KNOWN;
  }

  /**
   * Offset of the slot where the chain of an address begins. Multiply-shift with random odd multipliers, then one
   * finalising round: uniform also for consecutive MACs. Every step stays an int32: a uint32 in a loop becomes a double
   * in V8.
   */
  home(key: number, lo: number): number {
    let h = Math.imul(key ^ this.seedHi, this.multiplierHi) + Math.imul(lo ^ this.seedLo, this.multiplierLo);
    h ^= h >>> 15;
    return (Math.imul(h, 0x2c1b_3c6d) >>> this.shift) << 2;
  }

  /** Offset of the slot behind `at` in its chain, or -1 if the chain ends at `at`. */
  next(at: number): number {
    return this.words[at] === 0 ? -1 : (at + WORDS) & this.mask;
  }

  /** 0 if the entry at `at` is that of `key` and `lo`, without a branch. */
  difference(at: number, key: number, lo: number): number {
    const { words } = this;
    return (words[at] ^ key) | (words[at + 1] ^ lo);
  }

  /** Some word of the slot, to have it in the cache soon. */
  peek(at: number): number {
    return this.words[at];
  }

  /** Whether the entry at `at` says the same, static or seen just now: what `learn` comes to for nearly every frame. */
  refresh(at: number, hop: number, tick: number): boolean {
    const { words } = this;
    if (at < 0 || words[at + 2] !== hop) return false;
    const stamp = tick << TICK_SHIFT;
    if (words[at + 3] !== stamp && (words[at + 3] & STATIC) === 0) words[at + 3] = stamp;
    return true;
  }

  /** Next hop of the entry at `at`, or 0. */
  hopAt(at: number, domain: number, tick: number): number {
    const { words } = this;
    return at >= 0 && this.isFresh(domain, words[at + 3], tick) ? words[at + 2] : 0;
  }

  /**
   * Copies the four words of an entry to `at` of `out`, as they are and however old; zeros if there is none. For those who
   * look from aside: nothing is refreshed. Returns whether the address is known, or there would be room for it.
   */
  inspect(domain: number, hi: number, lo: number, out: Int32Array, at: number): boolean {
    const { words } = this;
    const key = (domain << 16) | hi;
    this.take();
    try {
      const found = this.find(key, lo);
      if (found < 0) return false;
      if (words[found] !== key) return this.hasFreeSlots();
      for (let n = 0; n < WORDS; n++) out[at + n] = words[found + n];
      return true;
    } finally {
      this.release();
    }
  }

  /** Changes when others change the table; see `isUnchanged`. */
  version(): number {
    return 0;
  }

  /** Whether what was found since `version` gave that number is right. If not, look again between `take` and `release`. */
  isUnchanged(_since: number): boolean {
    return true;
  }

  /** Keeps others from changing the table. */
  take(): void {}

  release(): void {}

  /** Adds or replaces a static entry. Returns false if its chain or the table is full. */
  addStatic(domain: number, hi: number, lo: number, hop: number, flags: number): boolean {
    const key = (domain << 16) | hi;
    const at = this.find(key, lo);
    if (at < 0) return false;
    if (this.words[at] === key) {
      this.kill(at);
    } else {
      if (this.used[0] >= this.slots - 1) return false;
      this.used[0]++;
    }
    this.write(at, key, lo, hop, flags | STATIC);
    return true;
  }

  /** Forgets the entry of an address, if it is a static one (`kind` STATIC) or a learned one (0). */
  forget(domain: number, hi: number, lo: number, kind: number): void {
    const at = this.find((domain << 16) | hi, lo);
    if (at >= 0 && (this.words[at + 3] & STATIC) === kind) this.kill(at);
  }

  /**
   * Forgets every entry for which `matches` holds. Returns how many. One pass: 0.06 ms for 16,384 slots, 3 ms for
   * 2,097,152 that are nearly empty, 12 ms if 1,000,000 are in use (Node 20).
   */
  flush(matches: (domain: number, hop: number, hi: number, lo: number, flags: number) => boolean): number {
    const words = this.words;
    let flushed = 0;
    for (let at = 0; at < words.length; at += WORDS) {
      const key = words[at];
      if (key === 0 || words[at + 2] === 0) continue;
      if (!matches(key >>> 16, words[at + 2], key & 0xffff, words[at + 1], words[at + 3] & FLAGS)) continue;
      this.kill(at);
      flushed++;
    }
    return flushed;
  }

  /** Slots in use, those of dead entries included. */
  get taken(): number {
    return this.used[0];
  }

  /**
   * Reclaims dead and expired entries in the next `budget` slots: all there are, if that is the whole table. A slot takes
   * 2 to 7 ns, a reclaimed entry 70 ns.
   */
  sweep(tick: number, budget: number): void {
    for (let n = Math.min(budget, this.slots); n > 0; n--) {
      // Again and again: each removal may shift another entry into this slot.
      while (this.isReclaimable(this.cursor, tick)) this.reclaim(this.cursor, tick);
      this.cursor = (this.cursor + WORDS) & this.mask;
    }
  }

  /** Whether the entry is dead or expired. */
  protected isReclaimable(at: number, tick: number): boolean {
    const { words } = this;
    return words[at] !== 0 && (words[at + 2] === 0 || !this.isFresh(words[at] >>> 16, words[at + 3], tick));
  }

  /** Takes a reclaimable entry out. */
  protected reclaim(at: number, _tick: number): void {
    this.remove(at);
  }

  /**
   * Moves live entries into `target`, a table of another size, in one pass: 70 ms for 1,000,000 entries, so a changed
   * limit is not for the busy hour. Forgets what does not fit: a smaller table follows
   * from smaller limits, and is half full when it holds what they allow. There the entries come in scattered order:
   * in their own, which is that of their hashes, the first ones to come would fill the beginning of the table solidly.
   */
  moveTo(target: Fdb): void {
    const words = this.words;
    const step = target.slots < this.slots ? 0x9e37_79b1 : 1; // odd, so every slot is visited once
    for (let n = 0; n < this.slots; n++) {
      const at = Math.imul(n * WORDS, step) & this.mask;
      if (words[at] === 0 || words[at + 2] === 0) continue;
      if (!target.adopt(words[at], words[at + 1], words[at + 2], words[at + 3])) this.kill(at);
    }
  }

  /** Copies live entries from slot `from` on into `out`: see fdb_page.ts. */
  read(from: number, tick: number, out: Int32Array): Page {
    return readPage(this.words, this.maxAge, from, tick, out);
  }

  /** Offset of the entry, or of the empty slot where its chain ends; -1 if the chain is too long. */
  protected find(key: number, lo: number): number {
    const { words, mask } = this;
    let at = this.home(key, lo);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const found = words[at];
      if ((found === key && words[at + 1] === lo) || found === 0) return at;
      at = (at + WORDS) & mask;
    }
    return -1;
  }

  private isFresh(domain: number, stamp: number, tick: number): boolean {
    return ageAt(stamp, tick) <= this.maxAge[domain] || (stamp & STATIC) !== 0;
  }

  private insert(at: number, key: number, lo: number, hop: number, stamp: number): number {
    const domain = key >>> 16;
    if (this.maxAge[domain] < 0) return KNOWN;
    if (!this.hasFreeSlots()) return REFUSED;
    if (!this.learned.hasRoom(domain, hop) && !this.makeRoom(domain, hop)) return REFUSED;
    this.occupy(at, key, lo, hop, stamp);
    this.learned.add(domain, hop);
    return LEARNED;
  }

  /**
   * In a full bridge an entry of the richest port that is met gives way, unless the newcomer's port is as rich: who sprays
   * addresses keeps nobody else from being learned. Returns whether there is room now.
   */
  private makeRoom(domain: number, hop: number): boolean {
    const { words, learned, mask } = this;
    if (!learned.hasPortRoom(hop)) return false;
    const enough = learned.leastRich(hop);
    if (this.giver !== null) {
      if (this.giver.count <= enough) return false;
      this.forget(this.giver.key >>> 16, this.giver.key & 0xffff, this.giver.lo, 0);
      return true;
    }
    const victim = this.richestAhead(domain);
    this.hand = (this.hand + ROOM_SLOTS * WORDS) & mask;
    if (victim < 0 || learned.countOf(words[victim + 2]) <= enough) return false;
    this.kill(victim);
    return true;
  }

  /** Offset of the learned entry in the next slots whose port has the most of all in the bridge, or -1. */
  private richestAhead(domain: number): number {
    const { words, learned, mask } = this;
    let richest = -1;
    let most = 0;
    for (let n = 0; n < ROOM_SLOTS; n++) {
      const at = (this.hand + n * WORDS) & mask;
      if (words[at + 2] === 0 || (words[at + 3] & STATIC) !== 0) continue;
      if (!learned.areNeighbours(words[at] >>> 16, domain)) continue;
      const count = learned.countOf(words[at + 2]);
      if (count <= most) continue;
      most = count;
      richest = at;
    }
    return richest;
  }

  /** The entry that would give way to a newcomer to `domain`, if its port has enough more addresses. */
  giverOf(domain: number): Giver {
    const { words } = this;
    const at = this.richestAhead(domain);
    if (at < 0) return { count: 0, key: 0, lo: 0 };
    return { count: this.learned.countOf(words[at + 2]), key: words[at], lo: words[at + 1] };
  }

  /** Dead entries take up slots as well, until the sweeper comes. */
  private hasFreeSlots(): boolean {
    return this.used[0] < this.slots - (this.slots >>> 3);
  }

  /** Writes a learned entry into an empty slot. */
  protected occupy(at: number, key: number, lo: number, hop: number, stamp: number): void {
    this.used[0]++;
    this.write(at, key, lo, hop, stamp);
  }

  private update(at: number, domain: number, hop: number, stamp: number): number {
    const words = this.words;
    if ((words[at + 3] & STATIC) !== 0 && words[at + 2] !== 0) return KNOWN;
    const old = words[at + 2];
    this.movedFrom = old;
    if (old === 0) {
      if (this.maxAge[domain] < 0) return KNOWN;
      if (!this.learned.hasRoom(domain, hop)) return REFUSED;
    } else {
      if (this.isStuck(at, domain, hop, stamp)) return KNOWN;
      if (!this.learned.hasRoomToMove(old, hop)) {
        // Where its frames do not pass it has not moved.
        if (!this.learned.has(hop, CONTROL.limited)) this.kill(at);
        return REFUSED;
      }
      this.learned.remove(domain, old);
    }
    words[at + 2] = hop;
    words[at + 3] = stamp;
    this.learned.add(domain, hop);
    return old === 0 ? LEARNED : MOVED;
  }

  /** Whether a station stays on its port, whoever else says to be it. */
  private isStuck(at: number, domain: number, hop: number, stamp: number): boolean {
    const { words, learned } = this;
    const isElsewhere = ((words[at + 2] ^ hop) & PORT_MASK) !== 0;
    if (!isElsewhere || !learned.has(words[at + 2], CONTROL.sticky)) return false;
    return this.isFresh(domain, words[at + 3], stamp >>> TICK_SHIFT);
  }

  private write(at: number, key: number, lo: number, hop: number, stamp: number): void {
    const words = this.words;
    words[at] = key;
    words[at + 1] = lo;
    words[at + 2] = hop;
    words[at + 3] = stamp;
  }

  /** Makes a live entry dead. */
  private kill(at: number): void {
    const words = this.words;
    if (words[at + 2] === 0) return;
    if ((words[at + 3] & STATIC) === 0) this.learned.remove(words[at] >>> 16, words[at + 2]);
    words[at + 2] = 0;
    words[at + 3] = 0;
  }

  /** Takes an entry out and closes the gap: later entries of the chain move back, never before their home. */
  private remove(entry: number): void {
    const { words, mask } = this;
    this.kill(entry);
    let gap = entry;
    for (let at = (gap + WORDS) & mask; words[at] !== 0; at = (at + WORDS) & mask) {
      const home = this.home(words[at], words[at + 1]);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      words.copyWithin(gap, at, at + WORDS);
      gap = at;
    }
    this.write(gap, 0, 0, 0, 0);
    this.used[0]--;
  }

  /** Takes an entry of another table as it is, counting nothing. Returns false if this one is half full. */
  adopt(key: number, lo: number, hop: number, stamp: number): boolean {
    const at = this.used[0] < this.slots >>> 1 ? this.find(key, lo) : -1;
    if (at < 0) return false;
    this.used[0]++;
    this.write(at, key, lo, hop, stamp);
    return true;
  }
}
