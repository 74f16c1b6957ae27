// Addresses of a network that the switch knows itself: its gateway's, and those that it has given. (domain, address) -> the MAC
// whose it is, in the table of neighbours, under numbers that no port has.

import type { Neighbours } from './neighbours.ts';

const FIRST_DOMAIN = 0x1_0000;

export function ownersOf(domain: number): number {
  return FIRST_DOMAIN + domain;
}

/** Those of one domain, for the control plane. */
export class OwnedAddresses {
  private readonly table: Neighbours;
  private readonly owners: number;
  private readonly slots = new Map<number | string, number>();

  constructor(table: Neighbours, domain: number) {
    this.table = table;
    this.owners = ownersOf(domain);
  }

  /** Nobody else may claim the IPv4 address from now on. Where there is no room it stays unguarded. */
  set(address: number, hi: number, lo: number): void {
    const slot = this.table.set4(this.owners, address, hi, lo);
    if (slot >= 0) this.slots.set(address, slot);
  }

  /** The same for an IPv6 address, 16 bytes, which `text` names. */
  set6(text: string, address: Uint8Array, hi: number, lo: number): void {
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    const slot = this.table.set6(this.owners, view, 0, hi, lo);
    if (slot >= 0) this.slots.set(text, slot);
  }

  /** Whoever uses the address may. */
  delete(address: number | string): void {
    const slot = this.slots.get(address);
    if (slot === undefined) return;
    this.slots.delete(address);
    this.table.remove(slot);
  }

  clear(): void {
    for (const slot of this.slots.values()) this.table.remove(slot);
    this.slots.clear();
  }
}
