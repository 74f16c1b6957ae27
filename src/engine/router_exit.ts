// The last step of a packet through a router: it leaves by an interface, to a neighbour. A packet whose neighbour is not
// known goes to the control plane, which asks for it and sends the packet on.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import type { Neighbours } from '../table/neighbours.ts';
import type { RouterTable } from '../table/router_table.ts';
import { TRAP } from '../table/traps.ts';
import { HEADER_LEN, setDst, setSrc } from '../wire/ethernet.ts';
import { fragment } from './fragment.ts';
import type { HostPort } from './host_port.ts';

/** Words of an address in `hopAddress`, of which IPv4 has the last. */
const ADDRESS_WORDS = 4;
/** Of `hopFamily`: the destination is the neighbour itself. */
const CONNECTED = 0;
const IPV4 = 4;

export interface RouterExit {
  /** The slot of the neighbour by which a packet to the IPv4 address `dst` goes, as of `Neighbours.find4`. */
  find4(table: RouterTable, egress: number, hop: number, dst: number, mac: Int32Array, at: number): number;
  /** The same for 16 bytes at `dst`. */
  find6(table: RouterTable, egress: number, hop: number, dst: number, mac: Int32Array, at: number): number;
  /**
   * The same as `leave` for IPv4: whole, or as fragments. A packet that is too long and must not be split has been refused
   * before.
   */
  leave4(
    table: RouterTable,
    row: number,
    egress: number,
    hop: number,
    slot: number,
    mac: Int32Array,
    at: number,
  ): void;
  /**
   * Sends the packet of `row`, which owns its headers and is ready but for its MACs, to the neighbour `slot` with the MAC at
   * `mac[at]`, or to the control plane if that is -1.
   */
  leave(
    table: RouterTable,
    row: number,
    egress: number,
    hop: number,
    slot: number,
    mac: Int32Array,
    at: number,
  ): void;
}

/** A closure, as in stages.ts. */
export function createExit(batch: FrameBatch, host: HostPort, neighbours: Neighbours): RouterExit {
  const { rows, view } = batch;

  function find4(
    { port, hopFamily, hopAddress }: RouterTable,
    egress: number,
    hop: number,
    dst: number,
    mac: Int32Array,
    at: number,
  ): number {
    const family = hopFamily[hop];
    if (family === CONNECTED) return neighbours.find4(port[egress], dst, mac, at);
    const k = hop * ADDRESS_WORDS;
    if (family === IPV4) return neighbours.find4(port[egress], hopAddress[k + 3], mac, at);
    return neighbours.find6(
      port[egress],
      hopAddress[k],
      hopAddress[k + 1],
      hopAddress[k + 2],
      hopAddress[k + 3],
      mac,
      at,
    );
  }

  function find6(
    table: RouterTable,
    egress: number,
    hop: number,
    dst: number,
    mac: Int32Array,
    at: number,
  ): number {
    if (table.hopFamily[hop] !== CONNECTED) return find4(table, egress, hop, 0, mac, at);
    return neighbours.find6(
      table.port[egress],
      view.getInt32(dst),
      view.getInt32(dst + 4),
      view.getInt32(dst + 8),
      view.getInt32(dst + 12),
      mac,
      at,
    );
  }

  function leave(
    { vid, macHi, macLo, port }: RouterTable,
    row: number,
    egress: number,
    hop: number,
    slot: number,
    mac: Int32Array,
    at: number,
  ): void {
    const start = rows[row + COLUMN.start];
    rows[row + COLUMN.tci] = vid[egress];
    rows[row + COLUMN.mark] &= ~(MARK.punted | MARK.tunnelled);
    setSrc(view, start, macHi[egress], macLo[egress]);
    if (slot >= 0) {
      setDst(view, start, mac[at], mac[at + 1]);
      neighbours.markUsed(slot);
      return;
    }
    setDst(view, start, 0, 0);
    const isPunted = host.puntRouted(row, port[egress], TRAP.neighbour, hop);
    rows[row + COLUMN.dest] = isPunted ? DEST_CONSUMED : DEST_DROP | DROP.no_neighbour;
  }

  function leave4(
    table: RouterTable,
    row: number,
    egress: number,
    hop: number,
    slot: number,
    mac: Int32Array,
    at: number,
  ): void {
    const others = batch.count * ROW;
    const mtu = table.mtu[egress];
    const isTooLong = rows[row + COLUMN.length] - HEADER_LEN > mtu && rows[row + COLUMN.gsoType] === 0;
    if (isTooLong && !fragment(batch, row, mtu)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.mtu_exceeded;
      return;
    }
    leave(table, row, egress, hop, slot, mac, at);
    if (!isTooLong) return;
    for (let other = others; other < batch.count * ROW; other += ROW)
      leave(table, other, egress, hop, slot, mac, at);
  }

  return { find4, find6, leave4, leave };
}
