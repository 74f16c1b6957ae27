// Layer-2 protocol tunnelling: what customers' bridges say to each other crosses the provider's network as frames that no bridge
// in between takes for its own.
//
//   customer  01:80:C2:00:00:0E --route--> tunnel MAC, in the S-VLAN    ...    tunnel MAC --leaving--> 01:80:C2:00:00:0E  customer
//
// `route` gives such a frame another row, with headers of its own; `leaving` gives a copy into a tunnel another row. Both are
// asked for only if some port is the end of such a tunnel. What comes from a customer with the tunnel MAC is a loop, or forged.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_LIST, MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { MAX_PROTOCOLS, type ProtocolTunnels, TUNNEL_ALARMS } from '../table/protocol_tunnels.ts';
import { dstHi, dstLo, isGroup, MACS_LEN, setDst } from '../wire/ethernet.ts';
import { L2CP_GROUPS, NONE, protocolOf } from '../wire/l2cp.ts';
import { ALARM, type Controls } from './controls.ts';

/** Frames of a protocol that a port may send at once: the neighbours of a switch with several links behind one tunnel. */
const BURST = 16;
/** A frame is given the tunnel MAC once. */
const MAX_ROUNDS = 1;
const RESERVED = DEST_DROP | DROP.reserved_group;

export class Tunnelling {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly clock: Float64Array;
  private readonly controls: Controls;
  /** By port and protocol, ms: when its allowance is whole again. What is never used stays untouched memory. */
  private readonly wholeAt = new Float64Array(MAX_PORTS * MAX_PROTOCOLS);
  // The row that left last, its protocol, and the row that left for it. -1 = none in this poll.
  private lastRow = -1;
  private lastProtocol = NONE;
  private lastLeaving = -1;

  constructor(batch: FrameBatch, counters: Counters, clock: Float64Array, controls: Controls) {
    this.batch = batch;
    this.counters = counters;
    this.clock = clock;
    this.controls = controls;
  }

  /** The port's number means another port from here on. */
  forget(port: number): void {
    this.wholeAt.fill(0, port * MAX_PROTOCOLS, (port + 1) * MAX_PROTOCOLS);
  }

  /** Rows that left are used again. */
  begin(): void {
    this.lastRow = -1;
  }

  /** Looks at decided rows: what a tunnel carries goes on in a row of its own, which is to be decided. */
  route(table: ProtocolTunnels, from: number, to: number): void {
    const { rows, view } = this.batch;
    for (let row = from; row < to; row += ROW) {
      const port = rows[row + COLUMN.ingress] & PORT_MASK;
      const carried = table.protocols[port];
      if (carried === 0 || (rows[row + COLUMN.mark] & MARK.round) !== 0) continue;
      // What goes to nobody for another reason stays there: who may not send, or sends too much, does not by this way.
      const dest = rows[row + COLUMN.dest];
      if ((dest & DEST_CONSUMED) !== DEST_LIST && dest !== RESERVED) continue;
      const at = rows[row + COLUMN.start];
      const hi = dstHi(view, at);
      if (!isGroup(hi)) continue;
      if (hi === table.macHi[port] && dstLo(view, at) === table.macLo[port]) {
        this.refuse(row, port, carried, DROP.tunnel_mac, ALARM.tunnel_mac);
        continue;
      }
      const protocol = this.protocolOf(row);
      if (protocol === NONE || (carried & (1 << protocol)) === 0 || !isFor(protocol, hi, dstLo(view, at)))
        continue;
      if (this.isAllowed(port * MAX_PROTOCOLS + protocol, table.costs[port]))
        this.send(row, port, protocol, table);
      else this.refuse(row, port, carried, DROP.tunnel_limit, ALARM.tunnel_limit);
    }
  }

  /**
   * The row to send for a copy of `row` into a port: the same, or if it is a tunnel's frame, one with the address that the
   * customer gave it. A drop, as ~code, if the port does not carry its protocol.
   */
  leaving(row: number, port: number, table: ProtocolTunnels): number {
    const { rows, view } = this.batch;
    const carried = table.protocols[port];
    const at = rows[row + COLUMN.start];
    if (carried === 0 || dstHi(view, at) !== table.macHi[port] || dstLo(view, at) !== table.macLo[port])
      return row;
    if (row !== this.lastRow) this.restore(row);
    if (this.lastProtocol === NONE || (carried & (1 << this.lastProtocol)) === 0)
      return ~DROP.tunnel_protocol;
    if (this.lastLeaving < 0) return ~DROP.queue_full;
    this.counters.values[this.counters.port(port) + PORT.decapsulated + this.lastProtocol] += 1;
    return this.lastLeaving;
  }

  private restore(row: number): void {
    this.lastRow = row;
    this.lastLeaving = -1;
    this.lastProtocol = this.protocolOf(row);
    if (this.lastProtocol === NONE) return;
    const { hi, lo } = L2CP_GROUPS[this.lastProtocol];
    this.lastLeaving = this.batch.readdress(row, hi, lo);
  }

  private send(row: number, port: number, protocol: number, table: ProtocolTunnels): void {
    const { batch } = this;
    const { rows } = batch;
    const next = batch.recirculate(row, rows[row + COLUMN.ingress], MAX_ROUNDS);
    if (next < 0) {
      rows[row + COLUMN.dest] = DEST_DROP | DROP.loop;
      return;
    }
    rows[row + COLUMN.mark] |= MARK.tunnelled;
    // A capture or a mirror looks at the bytes that came in.
    rows[next + COLUMN.mark] |= MARK.shared;
    batch.own(next);
    setDst(batch.view, rows[next + COLUMN.start], table.macHi[port], table.macLo[port]);
    this.counters.values[this.counters.port(port) + PORT.encapsulated + protocol] += 1;
  }

  private refuse(row: number, port: number, carried: number, drop: number, alarm: number): void {
    this.batch.rows[row + COLUMN.dest] = DEST_DROP | drop;
    if ((carried & TUNNEL_ALARMS) !== 0) this.controls.raise(port, alarm);
  }

  /** No control protocol sends super-frames. */
  private protocolOf(row: number): number {
    const { batch } = this;
    const { rows, view } = batch;
    if (rows[row + COLUMN.gsoType] !== 0) return NONE;
    const rest = rows[row + COLUMN.rest];
    return protocolOf(view, rest, rest + batch.headLength(row) - MACS_LEN);
  }

  /** Takes one frame from an allowance, if there is one. */
  private isAllowed(at: number, cost: number): boolean {
    const now = this.clock[0];
    const wholeAt = Math.max(now, this.wholeAt[at]) + cost;
    if (wholeAt - now > BURST * cost) return false;
    this.wholeAt[at] = wholeAt;
    return true;
  }
}

function isFor(protocol: number, hi: number, lo: number): boolean {
  const group = L2CP_GROUPS[protocol];
  return group.hi === hi && group.lo === lo;
}
