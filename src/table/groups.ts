// Multicast groups, as snooping found them: (domain, group, source) -> a list of next hops. By IP address and not by MAC,
// since 32 groups of IPv4 share one MAC, and a host may want a group from one source only. Each worker has a copy, which
// changes between two polls.
//
//   slot:    | domain, 0 = empty | group (4) | source (4), 0 = any | id << 1 | has sources |     10 words
//   domain:  | unknown IPv4 | routers IPv4 | unknown IPv6 | routers IPv6 |                       4 words
//
// Keys are nine arguments, not an array: each frame to a group looks one up, and that takes 75 ns instead of 85 to 125.
// An IPv4 address is the last of its four words. Senders choose what is looked up, so the hash is seeded. At most half of
// the slots are in use.

/** Lists, and as many keys. */
export const MAX_GROUPS = 16_384;
/** The first row of a list: behind those of Lists. */
export const FIRST_GROUP = 1 << 18;

/** Records of `apply`: what they begin with; see there. */
export const GROUP_CHANGE = { set: 1, remove: 2, domain: 3 } as const;
/** What becomes of frames to groups that nobody has joined; `inactive`: snooping restricts nothing. */
export const UNKNOWN = { inactive: 0, flood: 1, drop: 2, routers: 3 } as const;

const SLOTS = 2 * MAX_GROUPS;
const WORDS = 10;
const VALUE = 9;
const MAX_DOMAINS = 65_536;
const NOBODY = new Int32Array(0);

export class Groups {
  private readonly seed: number;
  private readonly members: Int32Array[] = [];
  // Nothing is allocated before the first change.
  private words = NOBODY;
  private domains = NOBODY;

  constructor(seed: number) {
    this.seed = seed | 1;
  }

  /** Next hops of the list `FIRST_GROUP + id`. */
  membersOf(list: number): Int32Array {
    return this.members[list - FIRST_GROUP] ?? NOBODY;
  }

  /** Gives a list its next hops, whoever names it. */
  give(list: number, hops: Int32Array): void {
    this.members[list - FIRST_GROUP] = hops;
  }

  clear(): void {
    this.words.fill(0);
    this.domains.fill(0);
    this.members.length = 0;
  }

  /** The list of ports that lead to routers: 0 = snooping restricts nothing. `family`: 0 = IPv4, 2 = IPv6. */
  routers(domain: number, family: number): number {
    return this.domains.length === 0 ? 0 : this.domains[4 * domain + family + 1];
  }

  /** What becomes of a frame whose group is not found: UNKNOWN. */
  unknown(domain: number, family: number): number {
    return this.domains.length === 0 ? 0 : this.domains[4 * domain + family];
  }

  /** The list of a group for a source; 0 = nobody knows the group. */
  find(
    domain: number,
    g0: number,
    g1: number,
    g2: number,
    g3: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
  ): number {
    const { words } = this;
    if (words.length === 0) return 0;
    const any = this.slotOf(domain, g0, g1, g2, g3, 0, 0, 0, 0);
    if (words[any] === 0) return 0;
    const value = words[any + VALUE];
    if ((value & 1) !== 0) {
      const one = this.slotOf(domain, g0, g1, g2, g3, s0, s1, s2, s3);
      if (words[one] !== 0) return FIRST_GROUP + (words[one + VALUE] >> 1);
    }
    return FIRST_GROUP + (value >> 1);
  }

  /**
   * Carries out changes, one behind the other:
   *
   *   set, domain, group (4), source (4), id << 1 | has sources, count, next hops
   *   remove, domain, group (4), source (4)
   *   domain, domain, family, unknown, id of the routers' list
   */
  apply(changes: Int32Array): void {
    if (this.words.length === 0) {
      this.words = new Int32Array(SLOTS * WORDS);
      this.domains = new Int32Array(MAX_DOMAINS * 4);
    }
    for (let at = 0; at < changes.length; ) {
      const kind = changes[at];
      if (kind === GROUP_CHANGE.domain) {
        this.setDomain(changes[at + 1], changes[at + 2], changes[at + 3], changes[at + 4]);
        at += 5;
      } else if (kind === GROUP_CHANGE.remove) {
        this.remove(this.slotAt(changes, at + 1));
        at += 10;
      } else {
        const end = at + 12 + changes[at + 11];
        this.set(changes, at + 1, changes.slice(at + 12, end));
        at = end;
      }
    }
  }

  private set(changes: Int32Array, key: number, hops: Int32Array): void {
    const slot = this.slotAt(changes, key);
    for (let n = 0; n < WORDS; n++) this.words[slot + n] = changes[key + n];
    this.members[changes[key + VALUE] >> 1] = hops;
  }

  /** Takes an entry out and closes the gap, as Fdb.remove. */
  private remove(slot: number): void {
    const { words } = this;
    if (words[slot] === 0) return;
    this.members[words[slot + VALUE] >> 1] = NOBODY;
    let gap = slot;
    for (let at = next(gap); words[at] !== 0; at = next(at)) {
      const home = this.homeAt(words, at);
      if (distance(home, at) < distance(gap, at)) continue;
      words.copyWithin(gap, at, at + WORDS);
      gap = at;
    }
    words.fill(0, gap, gap + WORDS);
  }

  private setDomain(domain: number, family: number, unknown: number, routers: number): void {
    this.domains[4 * domain + family] = unknown;
    this.domains[4 * domain + family + 1] = unknown === UNKNOWN.inactive ? 0 : FIRST_GROUP + routers;
  }

  /** The slot of the key at `at` of `words`, or the empty one where it belongs. */
  private slotAt(words: Int32Array, at: number): number {
    const [domain, g0, g1, g2, g3, s0, s1, s2, s3] = words.subarray(at, at + VALUE);
    return this.slotOf(domain, g0, g1, g2, g3, s0, s1, s2, s3);
  }

  private homeAt(words: Int32Array, at: number): number {
    const [domain, g0, g1, g2, g3, s0, s1, s2, s3] = words.subarray(at, at + VALUE);
    return this.home(domain, g0, g1, g2, g3, s0, s1, s2, s3);
  }

  private slotOf(
    domain: number,
    g0: number,
    g1: number,
    g2: number,
    g3: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
  ): number {
    const { words } = this;
    let at = this.home(domain, g0, g1, g2, g3, s0, s1, s2, s3);
    while (words[at] !== 0) {
      const difference =
        (words[at] ^ domain) |
        (words[at + 1] ^ g0) |
        (words[at + 2] ^ g1) |
        (words[at + 3] ^ g2) |
        (words[at + 4] ^ g3) |
        (words[at + 5] ^ s0) |
        (words[at + 6] ^ s1) |
        (words[at + 7] ^ s2) |
        (words[at + 8] ^ s3);
      if (difference === 0) return at;
      at = next(at);
    }
    return at;
  }

  private home(
    domain: number,
    g0: number,
    g1: number,
    g2: number,
    g3: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
  ): number {
    let h = mix(this.seed ^ domain, g3);
    h = mix(h, g2);
    h = mix(h, g1);
    h = mix(h, g0);
    if ((s0 | s1 | s2 | s3) !== 0) h = mix(mix(mix(mix(h, s3), s2), s1), s0);
    return ((h ^ (h >>> 15)) & (SLOTS - 1)) * WORDS;
  }
}

function mix(h: number, word: number): number {
  const mixed = Math.imul(h ^ word, 0x9e37_79b1);
  return mixed ^ (mixed >>> 13);
}

function next(at: number): number {
  return at + WORDS === SLOTS * WORDS ? 0 : at + WORDS;
}

/** How far behind `from` a slot is. */
function distance(from: number, to: number): number {
  return to >= from ? to - from : to - from + SLOTS * WORDS;
}
