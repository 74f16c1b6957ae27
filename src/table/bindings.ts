// Which addresses are whose behind a port: (port, VLAN, address) -> MAC, in a table beside that of neighbours, which every worker
// reads and the control plane writes. VLAN 0 stands for all; what is said of one VLAN comes before it. That a MAC address is there at
// all is an entry, too, under a group address, which nobody sends from.
//
// A worker does not ask for the table's version: what it reads while an entry is written is at worst one frame of that moment.

import type { Mac } from '../wire/mac.ts';
import { MAX_NEIGHBOURS, type Neighbours } from './neighbours.ts';

/** All bindings of a switch. */
export const MAX_BINDINGS = MAX_NEIGHBOURS;
const VID_BITS = 12;
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

  hasMac(port: number, vlan: number, hi: number, lo: number): boolean {
    const { table } = this;
    if (vlan !== 0 && table.find6(placeOf(port, vlan), MACS, 0, hi, lo, found, 0) >= 0) return true;
    return table.find6(placeOf(port, 0), MACS, 0, hi, lo, found, 0) >= 0;
  }

  has4(port: number, vlan: number, address: number, hi: number, lo: number): boolean {
    const { table } = this;
    const isThere =
      (vlan !== 0 && table.find4(placeOf(port, vlan), address, found, 0) >= 0) ||
      table.find4(placeOf(port, 0), address, found, 0) >= 0;
    return isThere && found[0] === hi && found[1] === lo;
  }

  /** Whether the 16 bytes at `at` are an address of that MAC. */
  has6(port: number, vlan: number, view: DataView, at: number, hi: number, lo: number): boolean {
    const isThere =
      (vlan !== 0 && this.find6(placeOf(port, vlan), view, at)) || this.find6(placeOf(port, 0), view, at);
    return isThere && found[0] === hi && found[1] === lo;
  }

  private find6(place: number, view: DataView, at: number): boolean {
    const a = view.getInt32(at);
    const b = view.getInt32(at + 4);
    const c = view.getInt32(at + 8);
    return this.table.find6(place, a, b, c, view.getInt32(at + 12), found, 0) >= 0;
  }

  // What follows is the control plane's.

  get count(): number {
    return this.table.count;
  }

  /** Returns its slot, -1 = no room. @param vlan 0 = all */
  addMac(port: number, vlan: number, { hi, lo }: Mac): number {
    const bytes = new DataView(new ArrayBuffer(16));
    bytes.setInt32(0, MACS);
    bytes.setInt32(8, hi);
    bytes.setInt32(12, lo);
    return this.table.set6(placeOf(port, vlan), bytes, 0, hi, lo);
  }

  /** Adds or changes the binding of an address of 4 or 16 bytes; returns its slot, -1 = no room. */
  add(port: number, vlan: number, address: Uint8Array, { hi, lo }: Mac): number {
    const place = placeOf(port, vlan);
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    return address.length === 4
      ? this.table.set4(place, view.getInt32(0), hi, lo)
      : this.table.set6(place, view, 0, hi, lo);
  }

  remove(slot: number): void {
    this.table.remove(slot);
  }
}

/** What the table takes for a port. */
function placeOf(port: number, vlan: number): number {
  return (port << VID_BITS) | vlan;
}
