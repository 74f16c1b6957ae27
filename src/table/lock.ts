// A lock in shared memory, for sections of a few microseconds: spins a little, then sleeps, because whoever holds it may
// have lost its core (Drepper, "Futexes Are Tricky", the third mutex).
//
//   word:  0 = free    1 = taken    2 = taken, and somebody may sleep

const SPINS = 200;

export class Lock {
  private readonly words: Int32Array;
  private readonly at: number;

  /** @param words over a SharedArrayBuffer; word `at` is the lock */
  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  take(): void {
    const { words, at } = this;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.compareExchange(words, at, 0, 1) === 0) return;
    }
    while (Atomics.exchange(words, at, 2) !== 0) Atomics.wait(words, at, 2);
  }

  release(): void {
    const { words, at } = this;
    if (Atomics.exchange(words, at, 0) === 2) Atomics.notify(words, at, 1);
  }
}
