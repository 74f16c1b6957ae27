// Addresses of a network that the switch knows itself: its gateway's, and those that it has given. (domain, address) -> the MAC
// whose it is, in a table beside that of neighbours.

import { formatMac } from '../wire/mac.ts';
import type { Neighbours } from './neighbours.ts';

/** Those of one domain, for the control plane. */
export class OwnedAddresses {
  private readonly table: Neighbours;
  private readonly domain: number;
  private readonly slots = new Map<number | string, number>();
  /** Addresses for which there was no room. */
  private readonly left = new Set<number | string>();

  /** @param table `Neighbours.owned` */
  constructor(table: Neighbours, domain: number) {
    this.table = table;
    this.domain = domain;
  }

  /** Addresses that stay unguarded, as there is no room. */
  get unguarded(): number {
    return this.left.size;
  }

  /** Nobody else may claim the IPv4 address from now on. */
  set(address: number, hi: number, lo: number): void {
    this.note(address, this.table.set4(this.domain, address, hi, lo));
  }

  /** The same for an IPv6 address, 16 bytes, which `text` names. */
  set6(text: string, address: Uint8Array, hi: number, lo: number): void {
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    this.note(text, this.table.set6(this.domain, view, 0, hi, lo));
  }

  private note(address: number | string, slot: number): void {
    if (slot < 0) this.left.add(address);
    else {
      this.slots.set(address, slot);
      this.left.delete(address);
    }
  }

  /** Whoever uses the address may. */
  delete(address: number | string): void {
    this.left.delete(address);
    const slot = this.slots.get(address);
    if (slot === undefined) return;
    this.slots.delete(address);
    this.table.remove(slot);
  }

  clear(): void {
    for (const slot of this.slots.values()) this.table.remove(slot);
    this.slots.clear();
    this.left.clear();
  }
}

/** Whether an address of 4 or 16 bytes is owned in a domain, and not by that MAC. */
export function isOwnedByOther(table: Neighbours, domain: number, address: Uint8Array, mac: string): boolean {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  const words = Array.from({ length: address.length / 4 }, (_, n) => view.getInt32(4 * n));
  const found = new Int32Array(2);
  const [a, b = 0, c = 0, d = 0] = words;
  const slot =
    words.length === 1 ? table.find4(domain, a, found, 0) : table.find6(domain, a, b, c, d, found, 0);
  return slot >= 0 && formatMac(found[0], found[1]) !== mac;
}
