// What fits on the way to a remote, where a router said that it is less than on the network at its beginning. Only who has
// seen what was sent is believed, so the last frames that could have been too big are remembered.
//
//   memory:  | place in the ring | limit by row of the remote table, 0 = none | ring: row, flow, word, span ... |
//
// All workers send, the first alone hears routers. The ring is bounded, and a writer may overtake a reader: then an answer
// is not believed, and the next one is. A limit ends by itself, as RFC 8201 section 4 asks for.

/** Frames remembered: a flow that is stuck sends few, so its own are still there when the answer comes. */
const FRAMES = 4096;
const WORDS = 4;
/** Seconds after which more is tried: RFC 8201 section 4, and Linux' net.ipv6.route.mtu_expires. */
const LIFE = 600;

export class Paths {
  /** By row of the remote table: bytes of an inner packet without tag. */
  readonly limits: Int32Array;
  private readonly place: Int32Array;
  private readonly ring: Int32Array;
  /** The first worker's: when a limit ends, s. */
  private readonly ends = new Map<number, number>();

  /** @param rows of the remote table, row 0 included */
  constructor(rows: number, memory: ArrayBufferLike = new ArrayBuffer(Paths.size(rows))) {
    this.place = new Int32Array(memory, 0, 1);
    this.limits = new Int32Array(memory, 4, rows);
    this.ring = new Int32Array(memory, 4 * (1 + rows), FRAMES * WORDS);
  }

  static size(rows: number): number {
    return 4 * (1 + rows + FRAMES * WORDS);
  }

  /** A frame goes to the remote in `row`; `flow` and `word` as of flow_hash.ts, `span` words from there on are its segments'. */
  sent(row: number, flow: number, word: number, span: number): void {
    const { ring } = this;
    const at = Atomics.add(this.place, 0, WORDS) & (FRAMES * WORDS - 1);
    ring[at] = row;
    ring[at + 1] = flow;
    ring[at + 2] = word;
    ring[at + 3] = span;
  }

  wasSent(row: number, flow: number, word: number): boolean {
    const { ring } = this;
    for (let at = 0; at < ring.length; at += WORDS) {
      if (ring[at] !== row || ring[at + 1] !== flow) continue;
      if ((word - ring[at + 2]) >>> 0 < ring[at + 3] >>> 0) return true;
    }
    return false;
  }

  /** `limit` bytes fit, from `now` (s) on for ten minutes; more than were believed to fit changes nothing. */
  lower(row: number, limit: number, now: number): void {
    if (this.limits[row] !== 0 && this.limits[row] < limit) return;
    Atomics.store(this.limits, row, limit);
    this.ends.set(row, now + LIFE);
  }

  /** Forgets what is over, and the limits of rows that mean nobody any more. */
  expire(now: number, isUsed: (row: number) => boolean): void {
    for (const [row, end] of this.ends) if (end <= now || !isUsed(row)) this.forget(row);
  }

  /** Rows mean other remotes from here on. */
  clear(): void {
    for (const row of this.ends.keys()) this.forget(row);
  }

  private forget(row: number): void {
    Atomics.store(this.limits, row, 0);
    this.ends.delete(row);
  }
}
