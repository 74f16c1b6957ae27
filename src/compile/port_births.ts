// Since when a number is that of a port. Numbers of ports that are gone are given out again, and what the data plane remembers of a number
// may be about another port.

export class PortBirths {
  private known = new Map<number, { name: string; since: number }>();

  /** Writes, by number, the generation in which a port got it. Those that are missing are forgotten. */
  fill(since: Uint32Array, names: ReadonlyMap<number, string>, generation: number): void {
    const next: typeof this.known = new Map();
    for (const [number, name] of names) {
      const before = this.known.get(number);
      const birth = before?.name === name ? before.since : generation;
      next.set(number, { name, since: birth });
      since[number] = birth;
    }
    this.known = next;
  }
}
