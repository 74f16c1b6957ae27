// Which addresses are whose behind a port: (port, address) -> MAC, in a table beside that of neighbours, which every worker reads
// and the control plane writes. That a MAC address is there at all is an entry, too, under a group address, which nobody sends from.
//
// A worker does not ask for the table's version: what it reads while an entry is written is at worst one frame of that moment.

import type { Mac } from '../wire/mac.ts';
import { MAX_NEIGHBOURS, type Neighbours } from './neighbours.ts';

/** All bindings of a switch. */
export const MAX_BINDINGS = MAX_NEIGHBOURS;
/** ff00::MAC */
const MACS = 0xff00_0000 | 0;
/** Two words: the MAC that was found. */
const found = new Int32Array(2);

export class Bindings {
  private readonly table: Neighbours;

  /** @param table `Neighbours.bound` */
  constructor(table: Neighbours) {
    this.table = table;
  }

  hasMac(port: number, hi: number, lo: number): boolean {
    return this.table.find6(port, MACS, 0, hi, lo, found, 0) >= 0;
  }

  has4(port: number, address: number, hi: number, lo: number): boolean {
    return this.table.find4(port, address, found, 0) >= 0 && found[0] === hi && found[1] === lo;
  }

  /** Whether the 16 bytes at `at` are an address of that MAC. */
  has6(port: number, view: DataView, at: number, hi: number, lo: number): boolean {
    const slot = this.table.find6(
      port,
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
      found,
      0,
    );
    return slot >= 0 && found[0] === hi && found[1] === lo;
  }

  // What follows is the control plane's.

  get count(): number {
    return this.table.count;
  }

  /** Returns its slot, -1 = no room. */
  addMac(port: number, { hi, lo }: Mac): number {
    const bytes = new DataView(new ArrayBuffer(16));
    bytes.setInt32(0, MACS);
    bytes.setInt32(8, hi);
    bytes.setInt32(12, lo);
    return this.table.set6(port, bytes, 0, hi, lo);
  }

  /** Adds or changes the binding of an address of 4 or 16 bytes; returns its slot, -1 = no room. */
  add(port: number, address: Uint8Array, { hi, lo }: Mac): number {
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    return address.length === 4
      ? this.table.set4(port, view.getInt32(0), hi, lo)
      : this.table.set6(port, view, 0, hi, lo);
  }

  remove(slot: number): void {
    this.table.remove(slot);
  }
}
