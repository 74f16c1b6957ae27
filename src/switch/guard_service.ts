// Guards of ports in the control plane: gives the data plane the bindings, and tells of what is refused, a few of a kind.

import { LRUCache } from 'lru-cache';
import { addressesOf, type GuardConfig } from '../config/guard_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { EventFact } from '../event.ts';
import type { Host, Punt } from '../protocol/host.ts';
import type { Bindings } from '../table/bindings.ts';
import { DROPS } from '../table/drops.ts';
import { claimedIn } from '../wire/claimed_address.ts';
import { formatIp } from '../wire/ip_address.ts';
import { formatMac, macAt } from '../wire/mac.ts';
import { type Binding, PortBindings } from './port_bindings.ts';
import type { Service } from './service.ts';

/** The same is told again after this, and of a port and a reason only so much meanwhile. */
const QUIET_MS = 60_000;
const AT_MOST = 5;
const REMEMBERED = 4096;
/** Of the source address in a frame. */
const SRC = 6;

export interface GuardFacts {
  readonly bindings: Bindings;
  portNumber(port: string): number | undefined;
  tell(fact: EventFact): void;
}

interface Guarded {
  readonly bridge: string;
  readonly guard: GuardConfig;
  readonly bindings: PortBindings;
}

export class GuardService implements Service {
  private readonly facts: GuardFacts;
  private readonly ports = new Map<string, Guarded>();
  private readonly told = new LRUCache<string, Set<string>>({ max: REMEMBERED, ttl: QUIET_MS });
  private stopListening = () => {};

  constructor(facts: GuardFacts) {
    this.facts = facts;
  }

  attach(host: Host): void {
    this.stopListening = host.onPunt('guard', (punt) => this.hear(punt));
  }

  update({ bridges }: SwitchConfig): void {
    const wanted = new Map<string, Omit<Guarded, 'bindings'>>();
    for (const [bridge, { ports }] of Object.entries(bridges))
      for (const [port, { guard }] of Object.entries(ports))
        if (guard !== undefined) wanted.set(port, { bridge, guard });
    for (const [port, { bindings }] of this.ports) {
      if (wanted.has(port)) continue;
      bindings.clear();
      this.ports.delete(port);
    }
    for (const [port, { bridge, guard }] of wanted) {
      const bindings = this.ports.get(port)?.bindings ?? new PortBindings(this.facts.bindings);
      this.ports.set(port, { bridge, guard, bindings });
      this.place(port);
    }
  }

  poll(): void {}

  deadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.stopListening();
  }

  private place(port: string): void {
    const { guard, bindings } = this.ports.get(port) as Guarded;
    const number = this.facts.portNumber(port);
    if (number === undefined || guard.source === undefined) bindings.clear();
    else bindings.set(number, staticOf(guard));
  }

  private hear({ port, vlan, bytes, detail = 0 }: Punt): void {
    const guarded = this.ports.get(port);
    if (guarded === undefined) return;
    const { name: reason } = DROPS[detail];
    const { hi, lo } = macAt(new DataView(bytes.buffer, bytes.byteOffset), SRC);
    const claimed = claimedIn(bytes);
    const mac = formatMac(hi, lo);
    const address = claimed && formatIp(claimed);
    if (!this.isNews(`${port} ${reason}`, `${mac} ${address}`)) return;
    const { bridge } = guarded;
    this.facts.tell({
      type: 'guard',
      change: 'refused',
      bridge,
      port,
      vlan,
      reason,
      mac,
      ...(address !== undefined && { address }),
    });
  }

  private isNews(kind: string, claim: string): boolean {
    const told = this.told.get(kind) ?? new Set();
    if (told.has(claim) || told.size >= AT_MOST) return false;
    this.told.set(kind, told.add(claim), { noUpdateTTL: true });
    return true;
  }
}

function staticOf({ bindings }: GuardConfig): Binding[] {
  return bindings.flatMap((one): Binding[] => {
    const { mac } = one;
    const addresses = addressesOf(one);
    if (addresses.length === 0) return [{ mac, from: 'static' }];
    return addresses.map((ip) => ({ mac, ip, from: 'static' }));
  });
}
