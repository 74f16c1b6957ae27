// Packets that wait for neighbours, of all interfaces. When there is no room, who keeps the most loses one: so a guest that
// scans a network takes nothing from other tenants.

/** Of some 2 KiB each. */
const ROOM = 1024;

/** An interface. */
export interface Waiting {
  /** Packets that wait. */
  readonly waiting: number;
  /** Lets the oldest go. */
  dropOldest(): void;
}

export class WaitingRoom {
  count = 0;
  private readonly members = new Set<Waiting>();

  enter(member: Waiting): void {
    this.members.add(member);
    this.count++;
    if (this.count > ROOM) this.greediest()?.dropOldest();
  }

  /** So many of a member's have gone, and it has none any more, or others still. */
  leave(member: Waiting, count: number): void {
    this.count -= count;
    if (member.waiting === 0) this.members.delete(member);
  }

  private greediest(): Waiting | undefined {
    let most: Waiting | undefined;
    for (const member of this.members) if (member.waiting > (most?.waiting ?? 0)) most = member;
    return most;
  }
}
