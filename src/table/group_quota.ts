// How many connections the ports of a group may have together. Ports have counts of their own (Mappings), which are the truth. A group's
// is their sum, taken once a second and only for who opens; in between what is opened counts, and what ends does not.

import type { Connections } from './connections.ts';
import { kindOf, OF } from './flow.ts';
import type { GroupLimits } from './policy_table.ts';

/** Under the lock of the connections, all of it. */
export class GroupQuota {
  private readonly connections: Connections;
  private limits: GroupLimits | null = null;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  load(limits: GroupLimits | null): void {
    this.limits = limits;
  }

  /** Whether all groups of `port` have room for another one. */
  hasRoom(port: number, second: number): boolean {
    const { limits } = this;
    if (limits === null) return true;
    const { starts, groups, counts, most } = limits;
    for (let n = starts[port]; n < starts[port + 1]; n++) {
      const group = groups[n];
      if (limits.countedAt[group] !== second) this.count(limits, group, second);
      if (counts[group] >= most[group]) return false;
    }
    return true;
  }

  /** One of `port` was opened. */
  opened(port: number): void {
    const { limits } = this;
    if (limits === null) return;
    const { starts, groups, counts } = limits;
    for (let n = starts[port]; n < starts[port + 1]; n++) counts[groups[n]]++;
  }

  private count(limits: GroupLimits, group: number, second: number): void {
    const { memberStarts, members } = limits;
    const { mappings } = this.connections;
    let sum = 0;
    for (let n = memberStarts[group]; n < memberStarts[group + 1]; n++) {
      const guest = mappings.table.find(kindOf(0, 0, OF.guest), 0, 0, members[n]);
      if (guest !== 0) sum += mappings.connectionsOf(guest);
    }
    limits.counts[group] = sum;
    limits.countedAt[group] = second;
  }
}
