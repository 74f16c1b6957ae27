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

/** Routers that a packet may pass in one poll: what the bits of MARK.round count to. */
export const MAX_ROUNDS = 15;

/** Words of an address in `hopAddress`, of which IPv4 has the last. */
const ADDRESS_WORDS = 4;
/** Of `hopFamily`: the destination is the neighbour itself. */
const CONNECTED = 0;
const IPV4 = 4;

export class RouterExit {
  private readonly batch: FrameBatch;
  private readonly host: HostPort;
  private readonly neighbours: Neighbours;

  constructor(batch: FrameBatch, host: HostPort, neighbours: Neighbours) {
    this.batch = batch;
    this.host = host;
    this.neighbours = neighbours;
  }

  /** The slot of the neighbour by which a packet to the IPv4 address `dst` goes, as of `Neighbours.find4`. */
  find4(table: RouterTable, egress: number, hop: number, dst: number, mac: Int32Array, at: number): number {
    const port = table.port[egress];
    const family = table.hopFamily[hop];
    if (family === CONNECTED) return this.neighbours.find4(port, dst, mac, at);
    const { hopAddress } = table;
    const k = hop * ADDRESS_WORDS;
    if (family === IPV4) return this.neighbours.find4(port, hopAddress[k + 3], mac, at);
    return this.neighbours.find6(
      port,
      hopAddress[k],
      hopAddress[k + 1],
      hopAddress[k + 2],
      hopAddress[k + 3],
      mac,
      at,
    );
  }

  /** The same for 16 bytes at `dst`. */
  find6(table: RouterTable, egress: number, hop: number, dst: number, mac: Int32Array, at: number): number {
    if (table.hopFamily[hop] !== CONNECTED) return this.find4(table, egress, hop, 0, mac, at);
    const { view } = this.batch;
    return this.neighbours.find6(
      table.port[egress],
      view.getInt32(dst),
      view.getInt32(dst + 4),
      view.getInt32(dst + 8),
      view.getInt32(dst + 12),
      mac,
      at,
    );
  }

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
  ): void {
    const { batch } = this;
    const { rows } = batch;
    const others = batch.count * ROW;
    const mtu = table.mtu[egress];
    const isTooLong = rows[row + COLUMN.gsoType] === 0 && rows[row + COLUMN.length] - HEADER_LEN > mtu;
    if (isTooLong && !fragment(batch, row, mtu)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.mtu_exceeded;
      return;
    }
    this.leave(table, row, egress, hop, slot, mac, at);
    for (let other = others; other < batch.count * ROW; other += ROW)
      this.leave(table, other, egress, hop, slot, mac, at);
  }

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
  ): void {
    const { rows, view } = this.batch;
    const start = rows[row + COLUMN.start];
    rows[row + COLUMN.tci] = table.vid[egress];
    rows[row + COLUMN.mark] &= ~(MARK.punted | MARK.tunnelled);
    setSrc(view, start, table.macHi[egress], table.macLo[egress]);
    if (slot >= 0) {
      setDst(view, start, mac[at], mac[at + 1]);
      this.neighbours.markUsed(slot);
      return;
    }
    setDst(view, start, 0, 0);
    const isPunted = this.host.puntRouted(row, table.port[egress], TRAP.neighbour, hop);
    rows[row + COLUMN.dest] = isPunted ? DEST_CONSUMED : DEST_DROP | DROP.no_neighbour;
  }
}
