// The last step of a packet through a router: it leaves by an interface, to a neighbour. A packet whose neighbour is not
// known goes to the control plane, which asks for it and sends the packet on.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import type { Neighbours } from '../table/neighbours.ts';
import type { RouterTable } from '../table/router_table.ts';
import { TRAP } from '../table/traps.ts';
import { HEADER_LEN, setDst, setSrc } from '../wire/ethernet.ts';
import { VID_MASK } from '../wire/vlan.ts';
import { fragment } from './fragment.ts';
import type { HostPort } from './host_port.ts';
import { ROUTED } from './routed.ts';

/** Words of an address in `hopAddress`, of which IPv4 has the last. */
const ADDRESS_WORDS = 4;
/** Of `hopFamily`: the destination is the neighbour itself. */
const CONNECTED = 0;
const IPV4 = 4;

/** What is known of a packet is in its words, ROUTED from `k` on. */
export interface RouterExit {
  /** Finds the neighbour by which a packet to the IPv4 address `dst` goes, by `egress` and `hop`: sets `neighbour` and `mac`. */
  find4(table: RouterTable, packets: Int32Array, k: number, dst: number): void;
  /** The same for the 16 bytes at `dst`. */
  find6(table: RouterTable, packets: Int32Array, k: number, dst: number): void;
  /**
   * The same as `leave` for IPv4: whole, or as fragments. A packet that is too long and must not be split has been refused
   * before.
   */
  leave4(table: RouterTable, row: number, packets: Int32Array, k: number): void;
  /**
   * Sends the packet of `row`, which owns its headers and is ready but for its MACs, by `egress` to `neighbour`, or to the
   * control plane if that is -1.
   */
  leave(table: RouterTable, row: number, packets: Int32Array, k: number): void;
}

/** A closure, as in stages.ts. */
export function createExit(batch: FrameBatch, host: HostPort, neighbours: Neighbours): RouterExit {
  const { rows, view } = batch;

  function find4(
    { port, hopFamily, hopAddress }: RouterTable,
    packets: Int32Array,
    k: number,
    dst: number,
  ): void {
    const by = port[packets[k | ROUTED.egress]];
    const hop = packets[k | ROUTED.hop];
    const family = hopFamily[hop];
    const at = hop * ADDRESS_WORDS;
    const mac = k | ROUTED.mac;
    packets[k | ROUTED.neighbour] =
      family === CONNECTED
        ? neighbours.find4(by, dst, packets, mac)
        : family === IPV4
          ? neighbours.find4(by, hopAddress[at + 3], packets, mac)
          : neighbours.find6(
              by,
              hopAddress[at],
              hopAddress[at + 1],
              hopAddress[at + 2],
              hopAddress[at + 3],
              packets,
              mac,
            );
  }

  function find6(table: RouterTable, packets: Int32Array, k: number, dst: number): void {
    if (table.hopFamily[packets[k | ROUTED.hop]] !== CONNECTED) {
      find4(table, packets, k, 0);
      return;
    }
    packets[k | ROUTED.neighbour] = neighbours.find6(
      table.port[packets[k | ROUTED.egress]],
      view.getInt32(dst),
      view.getInt32(dst + 4),
      view.getInt32(dst + 8),
      view.getInt32(dst + 12),
      packets,
      k | ROUTED.mac,
    );
  }

  function leave(
    { vid, macHi, macLo, port }: RouterTable,
    row: number,
    packets: Int32Array,
    k: number,
  ): void {
    const start = rows[row + COLUMN.start];
    const egress = packets[k | ROUTED.egress];
    const slot = packets[k | ROUTED.neighbour];
    // A priority that a port found outlives the VLAN.
    const isRanked = (rows[row + COLUMN.mark] & MARK.ranked) !== 0;
    rows[row + COLUMN.tci] = (isRanked ? rows[row + COLUMN.tci] & ~VID_MASK : 0) | vid[egress];
    rows[row + COLUMN.mark] &= ~(MARK.punted | MARK.tunnelled);
    setSrc(view, start, macHi[egress], macLo[egress]);
    if (slot >= 0) {
      setDst(view, start, packets[k | ROUTED.mac], packets[(k | ROUTED.mac) + 1]);
      neighbours.markUsed(slot);
      return;
    }
    setDst(view, start, 0, 0);
    const isPunted = host.puntRouted(row, port[egress], TRAP.neighbour, packets[k | ROUTED.hop]);
    rows[row + COLUMN.dest] = isPunted ? DEST_CONSUMED : DEST_DROP | DROP.no_neighbour;
  }

  function leave4(table: RouterTable, row: number, packets: Int32Array, k: number): void {
    const others = batch.count * ROW;
    const mtu = table.mtu[packets[k | ROUTED.egress]];
    const isTooLong = rows[row + COLUMN.length] - HEADER_LEN > mtu && rows[row + COLUMN.gsoType] === 0;
    if (isTooLong && !fragment(batch, row, mtu)) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.mtu_exceeded;
      return;
    }
    leave(table, row, packets, k);
    if (!isTooLong) return;
    for (let other = others; other < batch.count * ROW; other += ROW) leave(table, other, packets, k);
  }

  return { find4, find6, leave4, leave };
}
