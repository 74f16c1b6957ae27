// What interfaces of routers learned from other routers: addresses, ways out, resolvers.

import type { RouterPort } from '../compile/router_ports.ts';
import type { InterfaceLease } from '../config/router_leases.ts';
import type { EventFact } from '../event.ts';
import type { Learned } from '../protocol/autoconf/autoconf.ts';
import { formatIp, type IpBytes } from '../wire/ip_address.ts';
import { formatMac } from '../wire/mac.ts';

export interface LearnedListeners {
  /** `leases` has changed. */
  changed(): void;
  tell(fact: EventFact): void;
}

export class LearnedAddresses {
  /** By port of the interface: `r1.wan`. */
  readonly leases = new Map<string, InterfaceLease>();
  private readonly resolvers = new Map<string, readonly IpBytes[]>();
  private readonly listeners: LearnedListeners;

  constructor(listeners: LearnedListeners) {
    this.listeners = listeners;
  }

  /** Whether a router behind the interface is the way out. */
  hasWayOut(port: string): boolean {
    return (this.leases.get(port)?.routes.length ?? 0) > 0;
  }

  resolversOf(port: string): readonly IpBytes[] {
    return this.resolvers.get(port) ?? [];
  }

  note(port: RouterPort, { address, router, resolvers }: Learned): void {
    const name = port.port;
    const before = this.leases.get(name)?.address;
    const next = address && `${formatIp(address)}/64`;
    this.resolvers.set(name, resolvers);
    const routes = router === undefined ? [] : [{ to: '::/0', via: formatIp(router) }];
    if (next === undefined && router === undefined) {
      this.leases.delete(name);
      this.resolvers.delete(name);
    } else this.leases.set(name, { ...(next !== undefined && { address: next }), routes });
    if (next !== before) this.tell(port, next, before);
    this.listeners.changed();
  }

  private tell({ config, port, vid, mac }: RouterPort, next: string | undefined, before: string | undefined) {
    const about = {
      type: 'address',
      bridge: config.bridge,
      port,
      vlan: vid,
      mac: formatMac(mac.hi, mac.lo),
    } as const;
    if (next !== undefined) this.listeners.tell({ ...about, change: 'leased', address: next });
    else if (before !== undefined)
      this.listeners.tell({
        ...about,
        change: 'ended',
        address: before,
        reason: 'no router advertises its prefix any longer',
      });
  }
}
