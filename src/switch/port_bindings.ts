// The bindings of ports, and from where each is. The data plane has one MAC for a port, a VLAN and an address; if two sources differ,
// the first in the order of FROM has it.

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
  /** The only one in which it holds. */
  readonly vlan?: number;
  readonly from: BindingSource;
  /** ms, monotonic; none: it does not end by itself. */
  readonly until?: number;
}

interface Wanted {
  readonly mac: string;
  /** 0 = all. */
  readonly vlan: number;
  /** None: the MAC itself. */
  readonly address?: IpBytes;
}

interface Placed {
  readonly mac: string;
  readonly slot: number;
}

export class PortBindings {
  private readonly table: Bindings;
  private number: number | undefined;
  private known: readonly Binding[] = [];
  private isFiltering = false;
  /** In the table, by VLAN and address or MAC. */
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

  /** @param number of the port in the data plane @param isFiltering otherwise there are no VLANs, and all hold */
  set(number: number, bindings: readonly Binding[], isFiltering: boolean): void {
    if (number !== this.number) this.clear();
    this.number = number;
    this.isFiltering = isFiltering;
    this.known = [...bindings].sort((a, b) => FROM.indexOf(a.from) - FROM.indexOf(b.from));
    const wanted = this.wanted();
    for (const [key, { mac, slot }] of this.placed) {
      if (wanted.get(key)?.mac === mac) continue;
      this.table.remove(slot);
      this.placed.delete(key);
    }
    for (const [key, one] of wanted) if (!this.placed.has(key)) this.place(number, key, one);
  }

  clear(): void {
    for (const { slot } of this.placed.values()) this.table.remove(slot);
    this.placed.clear();
    this.known = [];
  }

  private wanted(): Map<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    for (const { mac, ip, vlan: only = 0 } of this.known) {
      const vlan = this.isFiltering ? only : 0;
      wanted.set(`${mac} ${vlan}`, { mac, vlan });
      // The data plane asks for what is of one VLAN first.
      const inAll = wanted.get(`${ip} 0`);
      if (ip === undefined || wanted.has(`${ip} ${vlan}`) || (inAll !== undefined && inAll.mac !== mac))
        continue;
      wanted.set(`${ip} ${vlan}`, { mac, vlan, address: parseIp(ip) });
    }
    return wanted;
  }

  private place(number: number, key: string, { mac, vlan, address }: Wanted): void {
    const owner = parseMac(mac);
    if (owner === undefined || this.table.count >= MAX_BINDINGS) return;
    const slot =
      address === undefined
        ? this.table.addMac(number, vlan, owner)
        : this.table.add(number, vlan, address, owner);
    if (slot >= 0) this.placed.set(key, { mac, slot });
  }
}

/** A port with a guard. */
export interface Guarded {
  readonly bridge: string;
  readonly guard: GuardConfig;
  /** Whether the bridge filters VLANs. */
  readonly isFiltering: boolean;
  readonly bindings: PortBindings;
}
