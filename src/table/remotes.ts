// VXLAN remotes: rows of a bounded table, named by their row number in next hops.
//
//   row:  | 0: nobody | 1 .. configured: numbered by the control plane | .. capacity: learned from the wire |
//
// A learned remote keeps its row until it was silent for the ageing time: no FDB entry names it then, and where a shared
// FDB let one live longer, `portOf` keeps its frames from going out of another port. Where a port has all that it may, the
// oldest are given up between two polls: the FDB forgets them first. Addresses are four int32 words as
// they lie in memory, IPv4 in the first. Open addressing, hash seeded at random: the sender chooses the addresses.
//
// Of several workers the first alone changes the table; a row is written before the FDB has a next hop that names it.

/** Rows for configured and for learned remotes, of all ports together: 3 MiB. */
export const CONFIGURED_REMOTES = 16_384;
export const LEARNED_REMOTES = 49_152;
/** All rows, and row 0. */
export const REMOTE_ROWS = 1 + CONFIGURED_REMOTES + LEARNED_REMOTES;
/** One part in so many of a full port's remotes makes room for others. */
const GIVEN_UP = 8;
const MAX_PROBES = 64;
const KEY = 5;

/** A configured remote. */
export interface RemoteRow {
  row: number;
  port: number;
  /** Four words. */
  address: Int32Array;
}

export class Remotes {
  private readonly configured: number;
  private readonly capacity: number;
  /** By row: port (0 = free), then the address. */
  private readonly key: Int32Array;
  /** By row, seconds. */
  private readonly seen: Int32Array;
  private readonly index: Int32Array;
  private readonly mask: number;
  private readonly seed: number;
  /** Free learned rows, a stack. */
  private readonly free: Int32Array;
  private freeCount: number;
  /** Ports that could not learn a remote for want of room; whoever makes room clears it. */
  readonly crowded = new Set<number>();
  /** Learned remotes by port. */
  readonly learned = new Map<number, number>();

  /** Rows 1 .. configured, then as many as may be learned. `memory`: what is shared, `Remotes.size` zeroed bytes. */
  constructor(
    configured: number,
    learned: number,
    seed: number,
    memory: ArrayBufferLike = new ArrayBuffer(Remotes.size(configured, learned)),
  ) {
    this.configured = configured;
    this.capacity = configured + learned;
    this.key = new Int32Array(memory);
    this.seen = new Int32Array(this.capacity + 1);
    let size = 16;
    while (size < 2 * this.capacity) size *= 2;
    this.index = new Int32Array(size);
    this.mask = size - 1;
    this.seed = seed;
    this.free = Int32Array.from({ length: learned }, (_, n) => this.capacity - n);
    this.freeCount = learned;
  }

  static size(configured: number, learned: number): number {
    return (configured + learned + 1) * KEY * 4;
  }

  /** Row of a remote, 0 if it has none. */
  find(port: number, a0: number, a1: number, a2: number, a3: number): number {
    const key = this.key;
    let slot = this.home(port, a0, a1, a2, a3);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const row = this.index[slot];
      if (row === 0) return 0;
      const at = row * KEY;
      if (
        key[at] === port &&
        key[at + 1] === a0 &&
        key[at + 2] === a1 &&
        key[at + 3] === a2 &&
        key[at + 4] === a3
      ) {
        return row;
      }
      slot = (slot + 1) & this.mask;
    }
    return 0;
  }

  /** Row of a remote that was seen at `now`, in whole seconds, added if its port has fewer than `limit` learned ones; else 0. */
  learn(port: number, a0: number, a1: number, a2: number, a3: number, now: number, limit: number): number {
    let row = this.find(port, a0, a1, a2, a3);
    if (row === 0) {
      const count = this.learned.get(port) ?? 0;
      if (count >= limit || this.freeCount === 0) {
        if (limit > 0) this.crowded.add(port);
        return 0;
      }
      row = this.free[this.freeCount - 1];
      if (!this.link(row, this.home(port, a0, a1, a2, a3))) return 0;
      this.freeCount--;
      this.learned.set(port, count + 1);
      this.key.set([port, a0, a1, a2, a3], row * KEY);
    }
    this.seen[row] = now;
    return row;
  }

  portOf(row: number): number {
    return this.key[row * KEY];
  }

  /** Word 0 .. 3 of the remote's address. */
  address(row: number, word: number): number {
    return this.key[row * KEY + 1 + word];
  }

  /** Replaces the configured remotes. Learned ones of theirs, and of ports that `hasPort` no longer knows, go. */
  configure(rows: readonly RemoteRow[], hasPort: (port: number) => boolean): void {
    this.key.fill(0, 0, (this.configured + 1) * KEY);
    this.reindex();
    for (const { port, address } of rows) {
      const learned = this.find(port, address[0], address[1], address[2], address[3]);
      if (learned !== 0) this.release(learned);
    }
    for (let row = this.configured + 1; row <= this.capacity; row++) {
      if (this.portOf(row) !== 0 && !hasPort(this.portOf(row))) this.release(row);
    }
    for (const { row, port, address } of rows) {
      this.key[row * KEY] = port;
      this.key.set(address, row * KEY + 1);
    }
    this.reindex();
  }

  /** Rows of the eighth of a port's learned remotes that was not heard for longest. */
  oldest(port: number): Set<number> {
    const rows: number[] = [];
    for (let row = this.configured + 1; row <= this.capacity; row++) {
      if (this.portOf(row) === port) rows.push(row);
    }
    rows.sort((a, b) => this.seen[a] - this.seen[b]);
    return new Set(rows.slice(0, Math.ceil(rows.length / GIVEN_UP)));
  }

  /** Frees learned rows, which no FDB entry names. */
  giveUp(rows: ReadonlySet<number>): void {
    for (const row of rows) this.release(row);
    if (rows.size > 0) this.reindex();
  }

  /** Frees learned rows that were silent since before `time`, in seconds. */
  expire(time: number): void {
    let expired = 0;
    for (let row = this.configured + 1; row <= this.capacity; row++) {
      if (this.portOf(row) === 0 || this.seen[row] >= time) continue;
      this.release(row);
      expired++;
    }
    if (expired > 0) this.reindex();
  }

  /** Frees a learned row; the index still names it. */
  private release(row: number): void {
    const port = this.portOf(row);
    const left = (this.learned.get(port) ?? 0) - 1;
    if (left > 0) this.learned.set(port, left);
    else this.learned.delete(port);
    this.key[row * KEY] = 0;
    this.free[this.freeCount++] = row;
  }

  /** Removal is rare and the table small, so the index is simply built again. */
  private reindex(): void {
    this.index.fill(0);
    const key = this.key;
    for (let row = 1; row <= this.capacity; row++) {
      const at = row * KEY;
      if (key[at] === 0) continue;
      this.link(row, this.home(key[at], key[at + 1], key[at + 2], key[at + 3], key[at + 4]));
    }
  }

  private link(row: number, home: number): boolean {
    for (let probe = 0, slot = home; probe < MAX_PROBES; probe++, slot = (slot + 1) & this.mask) {
      if (this.index[slot] !== 0) continue;
      this.index[slot] = row;
      return true;
    }
    return false;
  }

  private home(port: number, a0: number, a1: number, a2: number, a3: number): number {
    let h = Math.imul(a0 ^ this.seed, 0x9e37_79b1 | 0) ^ port;
    h = Math.imul(h ^ (h >>> 15) ^ a1, 0x85eb_ca6b | 0);
    h = Math.imul(h ^ (h >>> 13) ^ a2, 0xc2b2_ae35 | 0);
    h = Math.imul(h ^ (h >>> 16) ^ a3, 0x27d4_eb2f);
    return (h ^ (h >>> 15)) & this.mask;
  }
}
