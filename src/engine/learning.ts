// The stage that learns: source address -> ingress next hop, within the limits of port and bridge. Who is new, has moved
// or is refused is an event. Closures, as in stages.ts.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { DENIED, type Fdb, KNOWN, LEARNED, MOVED, REFUSED } from '../table/fdb.ts';
import { CONTROL } from '../table/port_controls.ts';
import { KEY } from '../table/search.ts';
import { srcHi, srcLo } from '../wire/ethernet.ts';
import { ALARM, type Controls } from './controls.ts';
import { keysOf } from './row_keys.ts';
import { DOMAIN_SHIFT, LEARNING, LOCKED, type Topology, TUNNEL } from './topology.ts';

export interface Learning {
  /** Takes all rows of a fresh batch, whose entries are found. */
  learn(topology: Topology, fdb: Fdb, tick: number): void;
  /** Takes a row whose entry nobody has looked for. Its port learns, or is locked. */
  learnAnew(row: number, topology: Topology, fdb: Fdb, tick: number): void;
  /** Takes a row whose sender has no fresh entry, as far as is known. */
  learnStranger(row: number, topology: Topology, fdb: Fdb, tick: number): void;
}

/** @param keys of the search */
export function createLearning(
  batch: FrameBatch,
  counters: Counters,
  keys: Int32Array,
  controls: Controls,
): Learning {
  const { view, rows } = batch;
  const { values, events } = counters;

  /** Learns source addresses, or on a locked port lets in those that it knows. Relies on `classify`: unicast source, domain known. */
  function learn(topology: Topology, fdb: Fdb, tick: number): void {
    const end = batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0) continue;
      const domain = rows[row + COLUMN.domain];
      if ((domain & LEARNING) === 0) {
        if ((domain & LOCKED) !== 0) admit(row, topology, fdb, tick);
        continue;
      }
      if (!fdb.refresh(keys[keysOf(row) | KEY.entry], rows[row + COLUMN.ingress], tick))
        learnStranger(row, topology, fdb, tick);
    }
  }

  function learnAnew(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    if ((rows[row + COLUMN.domain] & LEARNING) !== 0) learnStranger(row, topology, fdb, tick);
    else admit(row, topology, fdb, tick);
  }

  /** Drops a frame of a locked port whose sender is not known there. */
  function admit(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const at = rows[row + COLUMN.start];
    const hop = rows[row + COLUMN.ingress];
    const hi = srcHi(view, at);
    const lo = srcLo(view, at);
    const flags = topology.controls?.flags[hop & PORT_MASK] ?? 0;
    const result = fdb.admit(domain, hi, lo, hop, tick, flags);
    if (result === KNOWN) return;
    rows[row + COLUMN.dest] = DEST_DROP | DROP.locked;
    if (result === REFUSED) values[counters.port(hop & PORT_MASK) + PORT.learnRefused] += 1;
    if (result !== DENIED) events.add(result, tick, domain, hop, hop, hi, lo);
  }

  function learnStranger(row: number, topology: Topology, fdb: Fdb, tick: number): void {
    const domain = rows[row + COLUMN.domain];
    const at = rows[row + COLUMN.start];
    const hop = rows[row + COLUMN.ingress];
    const noRemote = (domain & TUNNEL) !== 0 && hop >>> PORT_BITS === 0;
    let result = REFUSED;
    if (noRemote) fdb.forget(domain >>> DOMAIN_SHIFT, srcHi(view, at), srcLo(view, at), 0);
    else result = fdb.learn(domain >>> DOMAIN_SHIFT, srcHi(view, at), srcLo(view, at), hop, tick);
    if (result === KNOWN) return;
    const counter = counters.port(hop & PORT_MASK);
    if (result === REFUSED) refused(row, counter, topology, fdb);
    if (result === MOVED) values[counter + PORT.stationMoves] += 1;
    if (noRemote || (result === LEARNED && !events.wantsLearned)) return;
    events.add(result, tick, domain >>> DOMAIN_SHIFT, fdb.movedFrom, hop, srcHi(view, at), srcLo(view, at));
  }

  /** Beyond the limit of its port a frame is dropped, where the port says so. */
  function refused(row: number, counter: number, { controls: table }: Topology, fdb: Fdb): void {
    values[counter + PORT.learnRefused] += 1;
    const hop = rows[row + COLUMN.ingress];
    if (table === null || !fdb.isBeyond(hop)) return;
    rows[row + COLUMN.dest] = DEST_DROP | DROP.address_limit;
    const port = hop & PORT_MASK;
    if ((table.flags[port] & CONTROL.limitAlarms) !== 0) controls.raise(port, ALARM.address_limit);
  }

  return { learn, learnAnew, learnStranger };
}
