// A lock in shared memory, for sections of a few microseconds: spins a little, then sleeps, because whoever holds it may
// have lost its core (Drepper, "Futexes Are Tricky", the third mutex).
//
//   word:       0 = free    1 = taken    2 = taken, and somebody may sleep
//   next word:  1 = who holds it may be dead: nobody waits any more

const SPINS = 200;
/** Longest sleep, ms, should a signal ever be lost. */
const NAP = 100;

export class Lock {
  private readonly words: Int32Array;
  private readonly at: number;

  /** @param words over a SharedArrayBuffer; word `at` and the next are the lock */
  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  /** @throws if it is taken, and was abandoned */
  take(): void {
    takeLock(this.words, this.at);
  }

  release(): void {
    releaseLock(this.words, this.at);
  }

  /** Some thread died: those who wait, or will, give up by an exception. */
  abandon(): void {
    const { words, at } = this;
    Atomics.store(words, at + 1, 1);
    Atomics.notify(words, at);
  }
}

/** For one of many locks, none of which has an object. @throws if it is taken, and was abandoned */
export function takeLock(words: Int32Array, at: number): void {
  for (let spin = 0; spin < SPINS; spin++) {
    if (Atomics.compareExchange(words, at, 0, 1) === 0) return;
  }
  while (Atomics.exchange(words, at, 2) !== 0) {
    if (Atomics.load(words, at + 1) !== 0) throw new Error('A worker died with a lock');
    Atomics.wait(words, at, 2, NAP);
  }
}

export function releaseLock(words: Int32Array, at: number): void {
  if (Atomics.exchange(words, at, 0) === 2) Atomics.notify(words, at, 1);
}
