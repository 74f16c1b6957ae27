// How long the event loop stands still for a front end that is about to go on. To hear of its next message through the loop
// takes two threads and some 200 us, several times for each guest; QEMU answers within 50. Guests are hostile, so all of
// them together get a part of the time.

/** us */
const WAIT = 100;
/** ms, and waits in it: a sixteenth of the time at most. */
const WINDOW = 100;
const WAITS = 64;

export class Patience {
  private since = Number.NEGATIVE_INFINITY;
  private left = 0;

  /** us to wait for the next message; 0: they have had their part. @param now ms */
  grant(now: number): number {
    if (now - this.since >= WINDOW) {
      this.since = now;
      this.left = WAITS;
    }
    if (this.left === 0) return 0;
    this.left--;
    return WAIT;
  }
}
