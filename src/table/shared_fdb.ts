// The FDB of several workers, in shared memory. A lookup, and a station that is where it was, take no lock; what adds,
// moves or reclaims an entry does, and what concerns many is done while the other workers stand still (barrier.ts).
//
//   memory:  | lock (2) | version | used ... (64 bytes) | slots as in fdb.ts |
//
// The version is odd while a slot changes hands and another one afterwards: who looked up meanwhile (stages.ts, once a
// batch) looks again under the lock. A station that moves or is refused changes at most the words of its own entry, so
// whoever sprays addresses makes nobody look again. docs/decisions.md has what else may happen between two workers.

import type { Counters } from './counters.ts';
import { Fdb, KNOWN } from './fdb.ts';
import { type FdbRules, STATIC, TICK_SHIFT, WORDS } from './fdb_entry.ts';
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
    const seen = words[at + 3];
    const stamp = tick << TICK_SHIFT;
    if (seen !== stamp && (seen & STATIC) === 0) Atomics.compareExchange(words, at + 3, seen, stamp);
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

  override admit(domain: number, hi: number, lo: number, hop: number, tick: number, flags: number): number {
    this.lock.take();
    try {
      return super.admit(domain, hi, lo, hop, tick, flags);
    } finally {
      this.lock.release();
    }
  }

  override forget(domain: number, hi: number, lo: number, kind: number): void {
    this.lock.take();
    try {
      super.forget(domain, hi, lo, kind);
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
