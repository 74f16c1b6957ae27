// What is to happen, in order: by time, then by who does it, then as it was asked for. So the order does not depend on when
// somebody asked, and a scenario that is replayed is the same.

interface Happening {
  /** ns since the start. */
  readonly at: number;
  readonly by: number;
  readonly place: number;
  readonly act: () => void;
}

export class Schedule {
  /** A binary heap: the first is the earliest. */
  private readonly heap: Happening[] = [];
  private places = 0;

  /** Infinity: nothing is to happen. */
  get next(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0].at;
  }

  /** `by`: a number of who does it. */
  add(at: number, by: number, act: () => void): void {
    const { heap } = this;
    const one = { at, by, place: this.places++, act };
    let n = heap.length;
    heap.push(one);
    for (; n > 0; ) {
      const above = (n - 1) >> 1;
      if (!isBefore(one, heap[above])) break;
      heap[n] = heap[above];
      n = above;
    }
    heap[n] = one;
  }

  /** The earliest, taken out. */
  take(): (() => void) | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first?.act;
    let n = 0;
    for (let below = 1; below < heap.length; below = 2 * n + 1) {
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below++;
      if (!isBefore(heap[below], last)) break;
      heap[n] = heap[below];
      n = below;
    }
    heap[n] = last;
    return first.act;
  }
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.at - other.at < 0 || (one.at === other.at && isEarlier(one, other));
}

function isEarlier(one: Happening, other: Happening): boolean {
  return one.by === other.by ? one.place < other.place : one.by < other.by;
}
