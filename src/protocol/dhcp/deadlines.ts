// What is due when: a binary heap in which each thing knows its place, so that it is there once, whatever strangers make its
// time do, and can be taken out.

export interface Due {
  dueAt: number;
  /** Index in the heap, -1 = not there. The heap's own. */
  place: number;
}

export class Deadlines<T extends Due> {
  private readonly heap: T[] = [];

  /** ms; Infinity = nothing is due. */
  get next(): number {
    return this.heap[0]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** Puts `thing` in, or moves it to another time. */
  set(thing: T, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.delete(thing);
      return;
    }
    thing.dueAt = at;
    if (thing.place < 0) thing.place = this.heap.push(thing) - 1;
    this.settle(thing);
  }

  delete(thing: T): void {
    const { place } = thing;
    if (place < 0) return;
    thing.place = -1;
    const last = this.heap.pop() as T;
    if (last === thing) return;
    this.put(last, place);
    this.settle(last);
  }

  /** Takes out the earliest of what is due; undefined = nothing. */
  take(now: number): T | undefined {
    if (this.next > now) return undefined;
    const [thing] = this.heap;
    this.delete(thing);
    return thing;
  }

  private settle(thing: T): void {
    this.rise(thing);
    this.sink(thing);
  }

  private rise(thing: T): void {
    while (thing.place > 0) {
      const parent = this.heap[(thing.place - 1) >> 1];
      if (parent.dueAt <= thing.dueAt) return;
      this.swap(parent, thing);
    }
  }

  private sink(thing: T): void {
    for (;;) {
      const left = 2 * thing.place + 1;
      if (left >= this.heap.length) return;
      const right = left + 1;
      const isRight = right < this.heap.length && this.heap[right].dueAt < this.heap[left].dueAt;
      const child = this.heap[isRight ? right : left];
      if (thing.dueAt <= child.dueAt) return;
      this.swap(thing, child);
    }
  }

  private swap(a: T, b: T): void {
    const { place } = a;
    this.put(a, b.place);
    this.put(b, place);
  }

  private put(thing: T, place: number): void {
    this.heap[place] = thing;
    thing.place = place;
  }
}
