// No answer leaves before what it promises is on the disk: a server that is killed then knows it again, and gives no address
// to a second client. If the disk fails, the answer is not sent; the client asks again.

import { leaseKey, storedLease } from './lease.ts';
import type { DhcpOutcome, DhcpReply } from './outcome.ts';

/** Where leases are kept. */
export interface LeaseStore {
  put(key: string, value: unknown): void;
  /** Resolves when all that was put is on the disk. */
  flushed(): Promise<void>;
}

export class Commit {
  private readonly network: string;
  private readonly store: LeaseStore;
  private readonly unixOffset: () => number;
  private readonly send: (reply: DhcpReply) => void;

  /** @param unixOffset Unix time less the clock of the server, now, in ms */
  constructor(
    network: string,
    store: LeaseStore,
    unixOffset: () => number,
    send: (reply: DhcpReply) => void,
  ) {
    this.network = network;
    this.store = store;
    this.unixOffset = unixOffset;
    this.send = send;
  }

  /** Stores `leases`, then sends `frames`; at once if there is nothing to store. Rejects if they could not be stored. */
  async take({ leases, frames }: DhcpOutcome): Promise<void> {
    const offset = this.unixOffset();
    for (const lease of leases) {
      this.store.put(leaseKey(this.network, lease.address), storedLease(lease, offset));
    }
    if (leases.length > 0) await this.store.flushed();
    for (const reply of frames) this.send(reply);
  }
}
