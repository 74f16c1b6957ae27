// How much one guest, and all of a network, may ask: questions a second, which are cheap, and questions that wait for a
// resolver, which hold a socket each. So no guest keeps others from their answers, or the control plane from its work.
// Sockets are also bounded over all networks: the process has a limit of its own.

export interface LimitNumbers {
  readonly aSecond: number;
  /** Questions that wait. */
  readonly waiting: number;
}

/** A browser that opens twenty pages at once asks some hundred names. */
const OF_ONE: LimitNumbers = { aSecond: 500, waiting: 64 };
const OF_ALL: LimitNumbers = { aSecond: 2000, waiting: 256 };
/** Of all with an address of their own choice together: they may take many, and others'. */
export const OF_STRANGERS: LimitNumbers = { aSecond: 1000, waiting: 128 };

/** Questions that may wait besides those that do, in all networks together. */
export interface DnsRoom {
  left: number;
}

export function dnsRoom(): DnsRoom {
  return { left: 2048 };
}

export class DnsLimits {
  private readonly room: DnsRoom;
  private readonly one: LimitNumbers;
  private readonly all: LimitNumbers;
  private readonly asked = new Map<string, number>();
  private askedByAll = 0;
  private second = Number.NEGATIVE_INFINITY;
  private readonly waiting = new Map<string, number>();
  private waitingOfAll = 0;

  constructor(room: DnsRoom, all = OF_ALL, one = OF_ONE) {
    this.room = room;
    this.one = one;
    this.all = all;
  }

  /** Whether a client may ask something now. */
  mayAsk(client: string, now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.second) {
      this.second = second;
      this.asked.clear();
      this.askedByAll = 0;
    }
    const asked = this.asked.get(client) ?? 0;
    if (asked >= this.one.aSecond || this.askedByAll >= this.all.aSecond) return false;
    this.asked.set(client, asked + 1);
    this.askedByAll++;
    return true;
  }

  /** Whether its question may wait for a resolver; `leave` when it does no longer. */
  enter(client: string): boolean {
    const waiting = this.waiting.get(client) ?? 0;
    if (waiting >= this.one.waiting || this.waitingOfAll >= this.all.waiting || this.room.left <= 0)
      return false;
    this.room.left--;
    this.waiting.set(client, waiting + 1);
    this.waitingOfAll++;
    return true;
  }

  leave(client: string): void {
    const waiting = (this.waiting.get(client) ?? 0) - 1;
    if (waiting > 0) this.waiting.set(client, waiting);
    else this.waiting.delete(client);
    this.waitingOfAll--;
    this.room.left++;
  }
}
