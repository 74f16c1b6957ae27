// The FDB of several workers, in shared memory. What a frame usually needs takes no lock: a lookup, and a station that
// is where it was. A station that is new or has moved is learned under the lock, and so is each entry reclaimed that the
// sweeper found. Everything else (static entries, flushes, other rules, another size) is done while the other workers
// stand still (worker/barrier.ts).
//
// There are three complications.
// First, a slot may change hands while somebody looks along its chain, or after it was found: the next hop could be that
// of another address. So the version is odd meanwhile and another one afterwards, and whoever has looked up (stages.ts,
// once for a whole batch) asks whether others have changed it, and if so looks again under the lock. That is so for a
// reclaimed entry, and for a new one, whose first half could be taken for another address; both are as rare as limits and
// ageing make them. A station that moves, or is refused because a limit is reached, changes at most the words of its own
// entry: whoever sprays addresses does not make others look again. One's own changes do not count: learning moves no
// entry.
// Second, the time at which a station was heard is written without the lock, and the slot may belong to another address
// by then: only in place of the time that was read, so that a static entry stays one. Another learned entry, of any port,
// that happens to have the same time may then live longer, at most by the ageing time.
// Third, a chain that is being repaired may seem to lack an entry. To `learn` the lock then tells the truth.
//
//   memory:  | lock (2) | version | used ... (64 bytes) | slots as in fdb.ts |

import type { Counters } from './counters.ts';
import { Fdb, type FdbRules, KNOWN, STATIC, TICK_SHIFT, WORDS } from './fdb.ts';
import { Lock } from './lock.ts';

const LOCK = 0;
const VERSION = 2;
const USED = 3;
const HEADER = 64;

export class SharedFdb extends Fdb {
  private readonly header: Int32Array;
  private readonly lock: Lock;
  /** What this worker has added to the version. */
  private own = 0;

  /** @param memory of `SharedFdb.allocate`, the same for all workers, and so are `seed` and the gauges of `counters` */
  constructor(memory: SharedArrayBuffer, counters: Counters, rules: FdbRules, seed: Int32Array) {
    super(new Int32Array(memory, HEADER), counters, rules, seed, new Int32Array(memory, USED * 4, 1));
    this.header = new Int32Array(memory, 0, HEADER / 4);
    this.lock = new Lock(this.header, LOCK);
  }

  static allocate(slots: number): SharedArrayBuffer {
    return new SharedArrayBuffer(HEADER + slots * WORDS * 4);
  }

  /** A worker died: those who wait for the lock, or will, give up by an exception. */
  static abandon(memory: SharedArrayBuffer): void {
    new Lock(new Int32Array(memory, 0, HEADER / 4), LOCK).abandon();
  }

  override version(): number {
    return (Atomics.load(this.header, VERSION) - this.own) | 0;
  }

  override isUnchanged(since: number): boolean {
    // An addition of nothing: unlike a load it cannot overtake the loads before it on any processor.
    return (since & 1) === 0 && ((Atomics.add(this.header, VERSION, 0) - this.own) | 0) === since;
  }

  override take(): void {
    this.lock.take();
  }

  override release(): void {
    this.lock.release();
  }

  override refresh(at: number, hop: number, tick: number): boolean {
    const { words } = this;
    if (at < 0 || words[at + 2] !== hop) return false;
    const heard = words[at + 3];
    const stamp = tick << TICK_SHIFT;
    if (heard !== stamp && (heard & STATIC) === 0) Atomics.compareExchange(words, at + 3, heard, stamp);
    return true;
  }

  override learn(domain: number, hi: number, lo: number, hop: number, tick: number): number {
    if (this.maxAge[domain] < 0) return KNOWN;
    this.lock.take();
    try {
      return super.learn(domain, hi, lo, hop, tick);
    } finally {
      this.lock.release();
    }
  }

  protected override occupy(at: number, key: number, lo: number, hop: number, stamp: number): void {
    this.begin();
    super.occupy(at, key, lo, hop, stamp);
    this.end();
  }

  protected override reclaim(at: number, tick: number): void {
    this.lock.take();
    try {
      if (!this.isReclaimable(at, tick)) return;
      this.begin();
      super.reclaim(at, tick);
      this.end();
    } finally {
      this.lock.release();
    }
  }

  private begin(): void {
    Atomics.add(this.header, VERSION, 1);
  }

  private end(): void {
    Atomics.add(this.header, VERSION, 1);
    this.own = (this.own + 2) | 0;
  }
}
