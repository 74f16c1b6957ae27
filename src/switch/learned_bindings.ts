// Bindings that nobody wrote: from DHCP snooping, which survive a restart, and of who said first that an address is its own.

import type { StoredLeases } from '../api.ts';
import { shareVlan } from '../config/guard_shape.ts';
import { MAX_BINDINGS } from '../table/bindings.ts';
import { VID_RESERVED } from '../wire/vlan.ts';
import type { Binding } from './port_bindings.ts';

/** No network has a colon in its name, so leases have other keys. */
const PREFIX = 'guard:';

export interface LearnedBinding extends Binding {
  readonly from: 'dhcp' | 'first';
  /** ms, monotonic. */
  readonly until: number;
}

export class LearnedBindings {
  private readonly store: StoredLeases;
  private readonly unixOffset: () => number;
  /** By port, then by `keyOf`; the oldest first. */
  private readonly ports = new Map<string, Map<string, LearnedBinding>>();
  private count = 0;
  /** When the next one ends, ms. */
  next = Number.POSITIVE_INFINITY;

  /** @param unixOffset Unix time less the monotonic clock, now, in ms */
  constructor(store: StoredLeases, unixOffset: () => number) {
    this.store = store;
    this.unixOffset = unixOffset;
    for (const [key, value] of store.entries) this.load(key, value);
  }

  of(port: string): LearnedBinding[] {
    return [...(this.ports.get(port)?.values() ?? [])];
  }

  /** False: there are too many. */
  bind(port: string, binding: LearnedBinding): boolean {
    const all = this.ports.get(port) ?? new Map<string, LearnedBinding>();
    const key = keyOf(binding);
    this.forgetReplaced(port, key, binding);
    if (!all.has(key) && this.count >= MAX_BINDINGS) return false;
    if (!all.delete(key)) this.count += 1;
    this.ports.set(port, all.set(key, binding));
    this.next = Math.min(this.next, binding.until);
    const { from, mac, ip, until } = binding;
    if (from !== 'dhcp' || ip === undefined) return true;
    const end = Number.isFinite(until) ? { until: Math.round(until + this.unixOffset()) } : {};
    this.store.put(`${PREFIX}${port} ${key}`, { mac, ...end });
    return true;
  }

  forget(port: string, binding: Binding): void {
    const key = keyOf(binding);
    if (this.ports.get(port)?.delete(key) !== true) return;
    this.count -= 1;
    if (binding.from === 'dhcp') this.store.delete(`${PREFIX}${port} ${key}`);
  }

  /** Who said something first on the port has to say it again. */
  forgetFirst(port: string): void {
    for (const one of this.of(port)) if (one.from === 'first') this.forget(port, one);
  }

  /** Ports that lost a binding. */
  expire(now: number): string[] {
    const changed = new Set<string>();
    this.next = Number.POSITIVE_INFINITY;
    for (const port of this.ports.keys())
      for (const one of this.of(port)) {
        if (one.until > now) {
          this.next = Math.min(this.next, one.until);
          continue;
        }
        this.forget(port, one);
        changed.add(port);
      }
    return [...changed];
  }

  /** What was bound when the bridge filtered VLANs, or did not yet. */
  private forgetReplaced(port: string, key: string, { ip, vlan }: LearnedBinding): void {
    for (const one of this.of(port))
      if (ip !== undefined && one.ip === ip && keyOf(one) !== key && shareVlan(one.vlan, vlan))
        this.forget(port, one);
  }

  private load(key: string, value: unknown): void {
    const [port, ip, vid, ...rest] = key.startsWith(PREFIX) ? key.slice(PREFIX.length).split(' ') : [];
    const vlan = vid === undefined ? undefined : Number(vid);
    if (port === undefined || ip === undefined || rest.length > 0) return;
    if (vlan !== undefined && !(vlan > 0 && vlan < VID_RESERVED)) return;
    const { mac, until } = (value ?? {}) as Record<string, unknown>;
    const isWhole = typeof mac === 'string' && (until === undefined || Number.isFinite(until));
    if (!isWhole || this.count >= MAX_BINDINGS) return;
    const end = until === undefined ? Number.POSITIVE_INFINITY : (until as number) - this.unixOffset();
    const all = this.ports.get(port) ?? new Map<string, LearnedBinding>();
    const binding = { mac, ip, ...(vlan && { vlan }), from: 'dhcp', until: end } as const;
    this.ports.set(port, all.set(keyOf(binding), binding));
    this.next = Math.min(this.next, end);
    this.count += 1;
  }
}

/** `192.0.2.7 10`: the address, or the MAC where there is none, and the VLAN, if it is of one. */
function keyOf({ mac, ip, vlan }: Pick<Binding, 'mac' | 'ip' | 'vlan'>): string {
  return vlan === undefined ? (ip ?? mac) : `${ip ?? mac} ${vlan}`;
}
