// Member lists beside the flood lists of the topology: multicast groups, aggregates, groups of next hops. A list has a row,
// a number that survives every reconfiguration, so that an entry of the FDB or a rule can name it as its destination.
//
//   row:  FIRST_LIST | FIRST_LIST + 1 | ...  ->  hops[at .. at + count - 1]
//
// Most lists reach all their members. One by flow picks a member by a hash, so that the frames of a flow stay in order.

/** Lower rows are the topology's floods, two for each of 65,536 domains. */
export const FIRST_LIST = 1 << 17;
/** Lists, and members of all of them together. */
export const MAX_LISTS = 16_384;
export const MAX_MEMBERS = 262_144;

export class Lists {
  /** Next hops of all lists, one list behind the other. */
  hops = new Int32Array(0);
  private readonly starts = new Int32Array(MAX_LISTS);
  private readonly counts = new Int32Array(MAX_LISTS);
  private readonly byFlow = new Uint8Array(MAX_LISTS);

  at(row: number): number {
    return this.starts[(row - FIRST_LIST) & (MAX_LISTS - 1)];
  }

  /** Members; 0 = there is no such list, and its frames reach nobody. */
  count(row: number): number {
    return this.counts[(row - FIRST_LIST) & (MAX_LISTS - 1)];
  }

  isByFlow(row: number): boolean {
    return this.byFlow[(row - FIRST_LIST) & (MAX_LISTS - 1)] !== 0;
  }

  /** Replaces a list between two polls; no members = removes it. All lists move together: they change rarely. */
  set(row: number, members: readonly number[], isByFlow: boolean): void {
    const changed = row - FIRST_LIST;
    if (!Number.isInteger(changed) || changed < 0 || changed >= MAX_LISTS)
      throw new RangeError(`${row} is not the row of a list`);
    const total = this.hops.length - this.counts[changed] + members.length;
    if (total > MAX_MEMBERS) throw new RangeError(`Lists have at most ${MAX_MEMBERS} members together`);
    const hops = new Int32Array(total);
    let next = 0;
    for (let list = 0; list < MAX_LISTS; list++) {
      if (list === changed) {
        hops.set(members, next);
      } else {
        if (this.counts[list] === 0) continue;
        hops.set(this.hops.subarray(this.starts[list], this.starts[list] + this.counts[list]), next);
      }
      this.starts[list] = next;
      if (list === changed) this.counts[list] = members.length;
      next += this.counts[list];
    }
    this.byFlow[changed] = isByFlow ? 1 : 0;
    this.hops = hops;
  }
}
