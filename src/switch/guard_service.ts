// Guards of ports in the control plane: gives the data plane the bindings, of the configuration, of leases, of DHCP snooping, and of
// who says first that an address is its own; and tells of what is refused.

import type { GuardStatus, StoredLeases } from '../api.ts';
import { addressesOf, type GuardConfig, shareVlan } from '../config/guard_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { EventFact } from '../event.ts';
import type { Snooped } from '../protocol/dhcp_snooping/snooped.ts';
import { DhcpSnooper } from '../protocol/dhcp_snooping/snooper.ts';
import type { Host, Punt } from '../protocol/host.ts';
import type { Bindings } from '../table/bindings.ts';
import { DROP, DROPS } from '../table/drops.ts';
import { withTag } from '../wire/vlan.ts';
import { LearnedBindings } from './learned_bindings.ts';
import { Newcomers } from './newcomers.ts';
import { type Binding, type Guarded, PortBindings } from './port_bindings.ts';
import { Refusals } from './refusals.ts';
import type { Service, Surroundings } from './service.ts';
import { wakeAt } from './wake_at.ts';
import { MACHINE, type World } from './world.ts';

export interface GuardFacts {
  readonly bindings: Bindings;
  readonly store: StoredLeases;
  portNumber(port: string): number | undefined;
  /** Whether a network of the bridge knows the address to be another's, or the gateway's. */
  isOthers(bridge: string, vlan: number, address: Uint8Array, mac: string): boolean;
  /** Frames that were dropped as they came in, by reason. */
  dropped(port: string): Record<string, number>;
  tell(fact: EventFact): void;
}

/** An address that a network of this switch gave. */
export interface Leased {
  readonly port: string;
  readonly mac: string;
  readonly ip: string;
  /** 0 = the bridge has none. */
  readonly vlan: number;
}

export class GuardService implements Service {
  private readonly facts: GuardFacts;
  private readonly ports = new Map<string, Guarded>();
  private readonly leased = new Map<string, Leased>();
  /** The same by port. */
  private readonly leasedOf = new Map<string, Set<Leased>>();
  private readonly snooper = new DhcpSnooper();
  private readonly refusals: Refusals;
  private readonly newcomers: Newcomers;
  private learned: LearnedBindings | undefined;
  private host: Host | undefined;
  private world: World = MACHINE;
  private stopListening: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private polledAt: number | undefined;

  constructor(facts: GuardFacts) {
    this.facts = facts;
    this.refusals = new Refusals(facts.tell);
    this.newcomers = new Newcomers(this.ports, facts);
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.host = host;
    this.hasTimer = threaded;
    this.world = world;
    this.learned = new LearnedBindings(this.facts.store, () => world.unixMs() - this.now());
    this.stopListening = [
      host.onPunt('guard', (punt) => this.refused(punt, punt.detail ?? 0)),
      host.onPunt('dhcp_snooping', (punt) => void this.snoop(punt)),
      host.onPunt('newcomer', (punt) => this.meet(punt)),
    ];
    // Leases that ended while nobody was here, and when the next one does.
    this.tick();
  }

  update({ bridges }: SwitchConfig): void {
    const wanted = new Map<string, Omit<Guarded, 'bindings'>>();
    for (const [bridge, { ports, vlan_filtering: isFiltering }] of Object.entries(bridges))
      for (const [port, { guard }] of Object.entries(ports))
        if (guard !== undefined) wanted.set(port, { bridge, guard, isFiltering });
    for (const [port, { bindings, guard }] of this.ports) {
      if (wanted.get(port)?.guard.source !== guard.source) this.learned?.forgetFirst(port);
      if (wanted.has(port)) continue;
      bindings.clear();
      this.ports.delete(port);
    }
    for (const [port, about] of wanted) {
      const bindings = this.ports.get(port)?.bindings ?? new PortBindings(this.facts.bindings);
      this.ports.set(port, { ...about, bindings });
      this.place(port);
    }
  }

  /** A network gave an address, or takes it back: `key` names both. */
  lease(key: string, lease: Leased | undefined): void {
    const before = this.leased.get(key);
    if (before !== undefined) {
      this.leased.delete(key);
      this.leasedOf.get(before.port)?.delete(before);
    }
    if (lease !== undefined) {
      this.leased.set(key, lease);
      this.leasedOf.set(lease.port, (this.leasedOf.get(lease.port) ?? new Set()).add(lease));
    }
    for (const port of new Set([before?.port, lease?.port])) if (port !== undefined) this.place(port);
  }

  status(): GuardStatus[] {
    const now = this.now();
    return [...this.ports].map(([port, { bridge, guard, bindings }]) => ({
      bridge,
      port,
      ...(guard.source !== undefined && { source: guard.source }),
      trusted: guard.trusted,
      bindings: bindings.all.map(({ mac, ip, vlan, from, until = Number.POSITIVE_INFINITY }) => ({
        mac,
        ...(ip !== undefined && { ip }),
        ...(vlan !== undefined && { vlan }),
        from,
        ...(Number.isFinite(until) && { expiresIn: Math.max(0, (until - now) / 1000) }),
      })),
      unplaced: bindings.left,
      refused: Object.fromEntries(
        Object.entries(this.facts.dropped(port)).filter(([reason]) => OF_GUARDS.has(reason)),
      ),
    }));
  }

  poll(now?: number): void {
    if (this.hasTimer) return;
    this.polledAt = now ?? this.world.now();
    if (this.polledAt >= this.deadline()) this.tick();
  }

  deadline(): number {
    return this.learned?.next ?? Number.POSITIVE_INFINITY;
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stopListening) stop();
    this.host = undefined;
  }

  private now(): number {
    return this.polledAt ?? this.world.now();
  }

  private tick(): void {
    for (const port of this.learned?.expire(this.now()) ?? []) this.place(port);
    this.wait();
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = this.hasTimer ? wakeAt(this.deadline(), () => this.tick()) : undefined;
  }

  private place(port: string): void {
    const guarded = this.ports.get(port);
    if (guarded === undefined) return;
    const { guard, isFiltering, bindings } = guarded;
    const number = this.facts.portNumber(port);
    // Of a trusted port they keep addresses for who is behind it.
    if (number === undefined || (guard.source === undefined && !guard.trusted)) {
      bindings.clear();
      return;
    }
    const leases = [...(this.leasedOf.get(port) ?? [])].map(
      ({ mac, ip, vlan }): Binding => ({ mac, ip, ...inVlan(vlan), from: 'lease' }),
    );
    bindings.set(number, [...staticOf(guard), ...leases, ...(this.learned?.of(port) ?? [])], isFiltering);
  }

  private refused(punt: Punt, drop: number): void {
    const guarded = this.ports.get(punt.port);
    if (guarded !== undefined && OF_GUARDS.has(DROPS[drop].name))
      this.refusals.hear(punt, guarded.bridge, drop);
  }

  private async snoop(punt: Punt): Promise<void> {
    const guarded = this.ports.get(punt.port);
    if (guarded === undefined) return;
    const { bridge, guard } = guarded;
    const found = guard.trusted
      ? this.snooper.answer(punt, bridge)
      : this.snooper.request(punt, { bridge, insertsOption82: guard.option_82 });
    const isWhole = this.learn(found, bridge, punt.vlan);
    // Who is told of an address is bound to it, also after a restart. A disk that fails is the journal's to tell of.
    if ((found.bound?.length ?? 0) > 0) await this.facts.store.flushed().catch(() => {});
    if (isWhole && found.frame !== undefined) this.host?.relay(punt.port, withTag(found.frame, punt.tag));
  }

  /** False: a client would get an address that it cannot use. */
  private learn({ bound = [], freed = [] }: Snooped, bridge: string, vlan: number): boolean {
    const where = inVlan(vlan);
    const { learned } = this;
    if (learned === undefined) return false;
    for (const { port, mac, ip } of freed) {
      const one = learned
        .of(port)
        .find((binding) => binding.ip === ip && binding.mac === mac && shareVlan(binding.vlan, where.vlan));
      if (one !== undefined) learned.forget(port, one);
      this.place(port);
    }
    for (const { port, mac, ip, seconds } of bound) {
      const before = learned.of(port);
      const guard = this.ports.get(port)?.guard;
      if (guard === undefined) continue;
      const isNew = !before.some((one) => one.ip === ip && one.vlan === where.vlan);
      if (isNew && before.length >= guard.limit) return false;
      this.leaveOthers(bridge, port, ip, where.vlan);
      const until = this.now() + seconds * 1000;
      if (!learned.bind(port, { mac, ip, ...where, from: 'dhcp', until })) return false;
      this.place(port);
    }
    this.wait();
    return true;
  }

  /** A guest that moved has its address where it is. */
  private leaveOthers(bridge: string, port: string, ip: string, vlan: number | undefined): void {
    for (const [other, guarded] of this.ports) {
      if (other === port || guarded.bridge !== bridge) continue;
      const one = this.learned
        ?.of(other)
        .find((binding) => binding.ip === ip && shareVlan(binding.vlan, vlan));
      if (one === undefined) continue;
      this.learned?.forget(other, one);
      this.place(other);
    }
  }

  /** Somebody has an address that nobody has had before. */
  private meet(punt: Punt): void {
    const { port } = punt;
    const { learned } = this;
    const guarded = this.ports.get(port);
    if (learned === undefined || guarded?.guard.source !== 'first') return;
    const found = this.newcomers.judge(punt);
    if (typeof found === 'number') {
      this.refused(punt, found);
      return;
    }
    const first = learned.of(port).filter(({ from }) => from === 'first');
    if (learned.of(port).length >= guarded.guard.limit && first.length > 0) learned.forget(port, first[0]);
    const isFull = learned.of(port).length >= guarded.guard.limit;
    if (isFull || !learned.bind(port, { ...found, from: 'first', until: Number.POSITIVE_INFINITY })) {
      this.refused(punt, DROP.spoofed_ip);
      return;
    }
    this.place(port);
    const refusal = this.newcomers.refusal(punt);
    if (refusal !== 0) this.refused(punt, refusal);
    else if (this.newcomers.isWhole(punt)) this.host?.relay(port, withTag(punt.bytes, punt.tag));
  }
}

/** Drops that guards say. */
const OF_GUARDS: ReadonlySet<string> = new Set(
  [
    DROP.rogue_server,
    DROP.spoofed_mac,
    DROP.spoofed_ip,
    DROP.arp_spoofed,
    DROP.nd_spoofed,
    DROP.rogue_router,
    DROP.double_tag,
    DROP.hidden_packet,
    DROP.tiny_fragment,
  ].map((code) => DROPS[code].name),
);

function staticOf({ bindings }: GuardConfig): Binding[] {
  return bindings.flatMap((one): Binding[] => {
    const { mac, vlan } = one;
    const about = { mac, ...(vlan !== undefined && { vlan }), from: 'static' } as const;
    const addresses = addressesOf(one);
    if (addresses.length === 0) return [about];
    return addresses.map((ip) => ({ ...about, ip }));
  });
}

function inVlan(vlan: number): { vlan?: number } {
  return vlan === 0 ? {} : { vlan };
}
