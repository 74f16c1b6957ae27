// How a server says what it does: answers, events, counters.

import type { MessageType } from '../../wire/dhcp4/codes.ts';
import type { Lease } from './lease.ts';
import { leaseOf } from './leases.ts';
import type { DhcpCounters, DhcpEvent, DhcpOutcome, Ignored } from './outcome.ts';
import type { Entry } from './pool.ts';
import type { Request } from './request.ts';

export class Voice {
  readonly counters: DhcpCounters = { received: {}, sent: {}, ignored: {} };
  /** What was told of once, and holds still: a subnet without addresses, a port with too many. */
  private readonly told = new Set<number | string>();

  heard(type: MessageType): void {
    add(this.counters.received, type);
  }

  ignore(reason: Ignored): void {
    add(this.counters.ignored, reason);
  }

  answer({ port, vlan, tag }: Request, type: MessageType, frame: Uint8Array, out: DhcpOutcome): void {
    add(this.counters.sent, type);
    out.frames.push({ port, vlan, tag, frame });
  }

  tell(kind: DhcpEvent['kind'], { address, mac, port, hostName }: Lease, out: DhcpOutcome): void {
    out.events.push({ kind, address, mac, port, hostName });
  }

  /** Has the lease stored as it is now. */
  store(entry: Entry, out: DhcpOutcome): void {
    out.leases.push(leaseOf(entry));
  }

  /** There was no address for a client; nobody is told twice that it is so. */
  lack(what: 'port_full' | 'no_address', { pool, port, client }: Request, out: DhcpOutcome): void {
    this.ignore(what);
    const isPort = what === 'port_full';
    const about = isPort ? port : pool.subnet.network;
    if (this.told.has(about)) return;
    this.told.add(about);
    const { mac, hostName } = client;
    const kind = isPort ? 'port_full' : 'exhausted';
    out.events.push({ kind, address: isPort ? 0 : pool.subnet.network, mac, port, hostName });
  }

  /** An address of this entry's subnet and port is free again. */
  relieve({ port, pool }: Entry): void {
    this.told.delete(port);
    this.told.delete(pool.subnet.network);
  }
}

function add<K extends string>(counters: Partial<Record<K, number>>, key: K): void {
  counters[key] = (counters[key] ?? 0) + 1;
}
