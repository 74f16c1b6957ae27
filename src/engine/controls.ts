// What ports with controls do with frames for many: storm control, and ports that get no broadcasts or multicasts. A pass over
// decided rows, only if some port has any control.
//
//   a list -> broadcast, multicast or unknown unicast -> a bit in the row's word, which `flood` compares with its ports'
//                                                     -> the allowance of (port, kind), or a drop

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_LIST, DEST_VALUE, MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import { FIRST_LIST } from '../table/lists.ts';
import { CONTROL, type PortControls, STORM, STORMS } from '../table/port_controls.ts';
import { dstHi, dstLo, isGroup } from '../wire/ethernet.ts';
import { segmentsOf } from './offload.ts';
import { FRAME_KIND, NO_BROADCAST, NO_MULTICAST } from './topology.ts';

/** What a port may send of a kind at once: its rate for so many ms. A frame passes while anything is left, and may owe. */
const BURST_MS = 100;
/** An alarm that nothing was done about is repeated after so many ms. */
const ALARM_MS = 1000;

/** What the control plane is told of a port. */
export const ALARM = { address_limit: 0, storm: 1, tunnel_mac: 2, tunnel_limit: 3 } as const;
const ALARMS = 4;

/** By STORM. */
const DROPS = [DROP.storm_broadcast, DROP.storm_multicast, DROP.storm_unknown_unicast];
const KIND_BITS = [NO_BROADCAST, NO_MULTICAST, 0];

export interface Alarm {
  port: number;
  alarm: number;
}

export class Controls {
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  /** By port and STORM, ms: when its allowance is whole again. What is never used stays untouched memory. */
  private readonly wholeAt = new Float64Array(MAX_PORTS * STORMS);
  /** By port and ALARM, ms: when it was last raised. */
  private readonly raisedAt = new Float64Array(MAX_PORTS * ALARMS).fill(Number.NEGATIVE_INFINITY);
  private readonly raised: Alarm[] = [];

  constructor(batch: FrameBatch, clock: Float64Array) {
    this.batch = batch;
    this.clock = clock;
  }

  get hasAlarms(): boolean {
    return this.raised.length > 0;
  }

  takeAlarms(): Alarm[] {
    return this.raised.splice(0);
  }

  raise(port: number, alarm: number): void {
    const at = port * ALARMS + alarm;
    if (this.clock[0] - this.raisedAt[at] < ALARM_MS) return;
    this.raisedAt[at] = this.clock[0];
    this.raised.push({ port, alarm });
  }

  /** The port's number means another port from here on. */
  forget(port: number): void {
    this.wholeAt.fill(0, port * STORMS, (port + 1) * STORMS);
    this.raisedAt.fill(Number.NEGATIVE_INFINITY, port * ALARMS, (port + 1) * ALARMS);
  }

  /** Looks at all rows; those that go to many are metered. */
  pass(controls: PortControls): void {
    const end = this.batch.count * ROW;
    for (let row = 0; row < end; row += ROW) this.passRow(controls, row);
  }

  passRow(controls: PortControls, row: number): void {
    const { rows } = this.batch;
    const dest = rows[row + COLUMN.dest];
    // The port's own bits, which say what may leave there.
    rows[row + COLUMN.domain] &= ~FRAME_KIND;
    if ((dest & DEST_CONSUMED) !== DEST_LIST) return;
    const isFlood = (dest & DEST_VALUE) < FIRST_LIST;
    const kind = this.kindOf(row);
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    const flags = controls.flags[port];
    if (isFlood && (flags & CONTROL.local) === 0) rows[row + COLUMN.domain] |= KIND_BITS[kind];
    // A list that an entry names is not unknown.
    if (!isFlood && kind === STORM.unknown_unicast) return;
    const cost = controls.costs[port * STORMS + kind];
    if (cost === 0 || this.isAllowed(row, port * STORMS + kind, cost, flags & (CONTROL.bits << kind))) return;
    rows[row + COLUMN.dest] = DEST_DROP | DROPS[kind];
    if ((flags & CONTROL.stormAlarms) !== 0) this.raise(port, ALARM.storm);
  }

  private kindOf(row: number): number {
    const { rows, view } = this.batch;
    const at = rows[row + COLUMN.start];
    const hi = dstHi(view, at);
    if (!isGroup(hi)) return STORM.unknown_unicast;
    return hi === 0xffff && dstLo(view, at) === -1 ? STORM.broadcast : STORM.multicast;
  }

  /** Takes a frame from its allowance, if there is any left. A super-frame counts as the frames that it stands for. */
  private isAllowed(row: number, at: number, cost: number, byBits: number): boolean {
    const { batch, clock, wholeAt } = this;
    const { rows } = batch;
    if (wholeAt[at] - clock[0] >= BURST_MS) return false;
    const frames = rows[row + COLUMN.gsoType] === 0 ? 1 : segmentsOf(batch, row);
    const amount = byBits === 0 ? frames : rows[row + COLUMN.length] * 8;
    wholeAt[at] = Math.max(wholeAt[at], clock[0]) + amount * cost;
    return true;
  }
}
