// The bindings of ports, and from where each is. The data plane has one MAC for a port and an address; if two sources differ, the
// first in the order of FROM has it.

import type { BindingSource } from '../api.ts';
import type { GuardConfig } from '../config/guard_shape.ts';
import { type Bindings, MAX_BINDINGS } from '../table/bindings.ts';
import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { parseMac } from '../wire/mac.ts';

const FROM: readonly BindingSource[] = ['static', 'lease', 'dhcp', 'first'];

export interface Binding {
  readonly mac: string;
  /** None: any that other bindings name. */
  readonly ip?: string;
  readonly from: BindingSource;
  /** ms, monotonic; none: it does not end by itself. */
  readonly until?: number;
}

interface Placed {
  readonly mac: string;
  readonly slot: number;
}

export class PortBindings {
  private readonly table: Bindings;
  private number: number | undefined;
  private known: readonly Binding[] = [];
  /** In the table, by address or MAC. */
  private readonly placed = new Map<string, Placed>();

  constructor(table: Bindings) {
    this.table = table;
  }

  get all(): readonly Binding[] {
    return this.known;
  }

  /** How many have no room in the table: who they are of is refused. */
  get left(): number {
    return new Set(this.wanted().keys()).size - this.placed.size;
  }

  /** @param number of the port in the data plane */
  set(number: number, bindings: readonly Binding[]): void {
    if (number !== this.number) this.clear();
    this.number = number;
    this.known = [...bindings].sort((a, b) => FROM.indexOf(a.from) - FROM.indexOf(b.from));
    const wanted = this.wanted();
    for (const [key, { mac, slot }] of this.placed) {
      if (wanted.get(key)?.mac === mac) continue;
      this.table.remove(slot);
      this.placed.delete(key);
    }
    for (const [key, { mac, address }] of wanted)
      if (!this.placed.has(key)) this.place(number, key, mac, address);
  }

  clear(): void {
    for (const { slot } of this.placed.values()) this.table.remove(slot);
    this.placed.clear();
    this.known = [];
  }

  private wanted(): Map<string, { mac: string; address?: IpBytes }> {
    const wanted = new Map<string, { mac: string; address?: IpBytes }>();
    for (const { mac, ip } of this.known) {
      wanted.set(mac, { mac });
      if (ip !== undefined && !wanted.has(ip)) wanted.set(ip, { mac, address: parseIp(ip) });
    }
    return wanted;
  }

  private place(number: number, key: string, mac: string, address: IpBytes | undefined): void {
    const owner = parseMac(mac);
    if (owner === undefined || this.table.count >= MAX_BINDINGS) return;
    const slot =
      address === undefined ? this.table.addMac(number, owner) : this.table.add(number, address, owner);
    if (slot >= 0) this.placed.set(key, { mac, slot });
  }
}

/** A port with a guard. */
export interface Guarded {
  readonly bridge: string;
  readonly guard: GuardConfig;
  readonly bindings: PortBindings;
}
