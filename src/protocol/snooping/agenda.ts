// What is due when: a heap of (time, thing). A thing whose time moves on is not looked for; it is met at its old time, and
// says then when it is really due. So a report that refreshes a member costs nothing here.

interface Entry<T> {
  at: number;
  thing: T;
}

export class Agenda<T> {
  private readonly heap: Entry<T>[] = [];

  /** ms; Infinity = nothing is due. */
  get next(): number {
    return this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, thing: T): void {
    if (at === Number.POSITIVE_INFINITY) return;
    const { heap } = this;
    let child = heap.push({ at, thing }) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent].at <= heap[child].at) break;
      [heap[parent], heap[child]] = [heap[child], heap[parent]];
      child = parent;
    }
  }

  /** Takes out what is due, earliest first; undefined = nothing. */
  take(now: number): T | undefined {
    const { heap } = this;
    if (heap.length === 0 || heap[0].at > now) return undefined;
    const [{ thing }] = heap;
    const last = heap.pop() as Entry<T>;
    if (heap.length > 0) {
      heap[0] = last;
      this.sink();
    }
    return thing;
  }

  private sink(): void {
    const { heap } = this;
    let parent = 0;
    for (;;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < heap.length && heap[child].at < heap[least].at) least = child;
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least], heap[parent]];
      parent = least;
    }
  }
}
