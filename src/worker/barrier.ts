// The moment in which the first worker changes what all workers share, and the others stand still between two polls.
//
// The control plane asks all of them for it in one breath. Each comes when its poll is over: the first waits for the
// others, does what is to be done, and lets them go on. So nobody forwards by a table of which half is changed, and what
// left the topology is forgotten by all in the same moment. It takes as long as the longest poll that is under way.

// Words of the shared memory.
const ARRIVED = 0;
/** Goes up each time that the first worker is done. */
const ROUND = 1;
/** How the last round ended: 0 = well. */
const FAILED = 2;
/** A worker died: nobody waits for it. */
const ABANDONED = 3;
const WORDS = 16;

/** A signal that comes just before the sleep is lost, but only for this long, ms. */
const NAP = 20;

export class Barrier {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4 * WORDS)) {
    this.memory = memory;
    this.words = new Int32Array(memory);
  }

  /** First worker: does `act` while `others` workers stand still. */
  during<T>(others: number, act: () => T): T {
    const { words } = this;
    if (others === 0) return act();
    for (;;) {
      const arrived = Atomics.load(words, ARRIVED);
      if (arrived === others) break;
      this.nap(ARRIVED, arrived);
    }
    let isDone = false;
    try {
      const result = act();
      isDone = true;
      return result;
    } finally {
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, FAILED, isDone ? 0 : 1);
      Atomics.add(words, ROUND, 1);
      Atomics.notify(words, ROUND);
    }
  }

  /** Other workers: stands still until the first is done. Throws if that failed. */
  join(): void {
    const { words } = this;
    const round = Atomics.load(words, ROUND);
    Atomics.add(words, ARRIVED, 1);
    Atomics.notify(words, ARRIVED);
    while (Atomics.load(words, ROUND) === round) this.nap(ROUND, round);
    if (Atomics.load(words, FAILED) !== 0) throw new Error('The first worker failed');
  }

  /** A worker died: those who wait, or will, give up by an exception. */
  abandon(): void {
    const { words } = this;
    Atomics.store(words, ABANDONED, 1);
    Atomics.notify(words, ARRIVED);
    Atomics.notify(words, ROUND);
  }

  private nap(word: number, value: number): void {
    if (Atomics.load(this.words, ABANDONED) !== 0) throw new Error('Another worker is dead');
    Atomics.wait(this.words, word, value, NAP);
  }
}
