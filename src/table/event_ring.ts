// News of a worker in shared memory: stations that moved, addresses that were refused. One writer, one reader, no locks.
// The writer never waits: who reads too rarely finds older records overwritten, and counts them as lost.
//
//   | head | untold by kind ...         | record 0 | record 1 | ...  CAPACITY records
//                                         kind, domain, from, to, hi, lo, 0, 0
//
// One word of the header goes the other way: whether the reader wants to hear of every station that is learned.
//
// `head` counts all records ever written, modulo 2^32. A flood of forged addresses is cut off where it comes from: at
// most PER_SECOND records of a kind in a second, the rest is only counted.

/** Records of a kind in a second. More would tell nobody more. */
export const PER_SECOND = 100;
/** Two kinds for five seconds: the reader comes around every two. */
const CAPACITY = 1024;
const RECORD = 8;
const HEAD = 0;
/** One word for each kind; kinds are results of `Fdb.learn` and `Fdb.admit`. */
const UNTOLD = 1;
const KINDS = 5;
const WANTS_LEARNED = UNTOLD + KINDS;
const HEADER = 8;
/** Ticks of 128 ms in a window of the rate limit, as a shift: about a second. */
const WINDOW_SHIFT = 3;

/** Int32 words that a ring takes. */
export const EVENT_WORDS = HEADER + CAPACITY * RECORD;

/** The worker's end. */
export class EventRing {
  private readonly words: Int32Array;
  private readonly told = new Int32Array(KINDS);
  private window = -1;

  /** @param words EVENT_WORDS of them, zero at the start */
  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Whether somebody wants to hear of every station that is learned. */
  get wantsLearned(): boolean {
    return this.words[WANTS_LEARNED] !== 0;
  }

  add(kind: number, tick: number, domain: number, from: number, to: number, hi: number, lo: number): void {
    const { words, told } = this;
    if (tick >> WINDOW_SHIFT !== this.window) {
      this.window = tick >> WINDOW_SHIFT;
      told.fill(0);
    }
    if (told[kind] >= PER_SECOND) {
      words[UNTOLD + kind] += 1;
      return;
    }
    told[kind] += 1;
    const head = words[HEAD];
    const at = HEADER + (head & (CAPACITY - 1)) * RECORD;
    words[at] = kind;
    words[at + 1] = domain;
    words[at + 2] = from;
    words[at + 3] = to;
    words[at + 4] = hi;
    words[at + 5] = lo;
    Atomics.store(words, HEAD, (head + 1) | 0);
  }
}

export interface EventRecord {
  kind: number;
  domain: number;
  /** Next hop that the station had. Of a refused address: no meaning. */
  from: number;
  to: number;
  hi: number;
  lo: number;
}

/** The control plane's end. */
export class EventReader {
  private readonly words: Int32Array;
  private next = 0;
  private readonly untold = new Int32Array(KINDS);

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Whether there is nothing to read: two loads. */
  get isEmpty(): boolean {
    return Atomics.load(this.words, HEAD) === this.next;
  }

  /** All records since the last time, oldest first. */
  read(): EventRecord[] {
    const { words } = this;
    const records: EventRecord[] = [];
    const head = Atomics.load(words, HEAD);
    let lag = (head - this.next) | 0;
    if (lag < 0 || lag > CAPACITY) lag = CAPACITY;
    for (let n = lag; n > 0; n--) {
      const number = (head - n) | 0;
      const at = HEADER + (number & (CAPACITY - 1)) * RECORD;
      const [kind, domain, from, to, hi, lo] = words.subarray(at, at + RECORD);
      // Overwritten while it was copied, if the writer has come around since.
      if (((Atomics.load(words, HEAD) - number) | 0) < CAPACITY) {
        records.push({ kind, domain, from, to, hi, lo });
      }
    }
    this.next = head;
    return records;
  }

  /** Whether to tell of every station that is learned, from now on. */
  wantLearned(isWanted: boolean): void {
    Atomics.store(this.words, WANTS_LEARNED, isWanted ? 1 : 0);
  }

  /** How many of a kind were counted and not recorded since the last time. */
  takeUntold(kind: number): number {
    const now = Atomics.load(this.words, UNTOLD + kind);
    const count = (now - this.untold[kind]) | 0;
    this.untold[kind] = now;
    return count;
  }
}
