// Aggregates: several ports as one. What members receive is their aggregate's before anybody asks whose it is; what leaves
// through the aggregate goes on to the queue of the member that its flow takes.
//
//   receive -> join -> classify ...                  ... replicate -> queue of the aggregate -> transmit -> queue of a member
//
// A member's own counters tell what passed it: received frames are consumed, and copies are those that it was given. With
// two workers a flow has one member all the same: it comes in at one port, which one worker reads.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { dstHi, dstLo, etherType, HEADER_LEN, isReservedGroup, MACS_LEN } from '../wire/ethernet.ts';
import { layeredHash } from '../wire/flow_hash.ts';
import { isTpid, TAG_LEN, VID_MASK } from '../wire/vlan.ts';
import { type AggregateTable, BUCKET_SHIFT, BUCKETS, COLLECTING } from './aggregate_table.ts';
import type { Egress } from './egress.ts';
import { segmentsOf } from './offload.ts';
import { COPY, COPY_WORDS, type EgressQueue, type Sink } from './port.ts';
import { isOfVlanDevice, type Topology } from './topology.ts';

/** The sink of all aggregates. */
export class Aggregates implements Sink {
  readonly givesOn = true;
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly egress: Egress;
  private topology: Topology;

  constructor(batch: FrameBatch, counters: Counters, egress: Egress, topology: Topology) {
    this.batch = batch;
    this.counters = counters;
    this.egress = egress;
    this.topology = topology;
  }

  load(topology: Topology): void {
    this.topology = topology;
  }

  /** Makes what members have received their aggregate's, but for what is between the two ends of a link. */
  join(table: AggregateTable): void {
    const { rows, owed } = this.batch;
    const { values } = this.counters;
    const { memberOf } = table;
    const end = this.batch.count * ROW;
    for (let row = 0; row < end; row += ROW) {
      const port = rows[row + COLUMN.ingress] & PORT_MASK;
      const word = memberOf[port];
      if (word === undefined || word === 0 || rows[row + COLUMN.dest] !== 0) continue;
      if (rows[row + COLUMN.length] >= HEADER_LEN && this.isOfLink(row, port)) continue;
      if ((word & COLLECTING) === 0) {
        rows[row + COLUMN.dest] = DEST_DROP | DROP.not_collecting;
        continue;
      }
      const aggregate = word & PORT_MASK;
      const counter = this.counters.port(port);
      values[counter + PORT.receivedFrames] += 1;
      values[counter + PORT.receivedBytes] += rows[row + COLUMN.length];
      values[counter + PORT.consumed] += 1;
      rows[row + COLUMN.ingress] = aggregate;
      if (owed[aggregate] !== 0) {
        // What the aggregate's floods cost, whoever receives for it pays.
        owed[port] += owed[aggregate];
        owed[aggregate] = 0;
      }
    }
  }

  transmit(batch: FrameBatch, queue: EgressQueue): void {
    const { counters, egress, topology } = this;
    const { values } = counters;
    const { rows } = batch;
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    for (let at = 0; at < end; at += COPY_WORDS) {
      const aggregate = copies[at + COPY.hop] & PORT_MASK;
      const row = copies[at + COPY.row];
      const tag = copies[at + COPY.tag];
      const member = this.memberFor(row, tag, aggregate);
      const next = egress.queueOf[member];
      if (next === undefined) {
        counters.drops.count(row, aggregate, DROP.no_member);
        continue;
      }
      const counter = counters.port(aggregate);
      values[counter + PORT.transmittedFrames] += 1;
      values[counter + PORT.transmittedBytes] += rows[row + COLUMN.length] + (tag === 0 ? 0 : TAG_LEN);
      values[counter + PORT.transmittedSegments] += segmentsOf(batch, row);
      values[counters.port(member) + PORT.copies] += 1;
      egress.push(topology, next, row, member, tag, copies[at + COPY.flags]);
    }
    queue.count = 0;
  }

  /** The member that a frame leaves through; 0 = none. One that has just died is passed over before anybody else knows. */
  private memberFor(row: number, tag: number, aggregate: number): number {
    const { aggregates } = this.topology;
    if (aggregates === null) return 0;
    const { batch } = this;
    const { rows } = batch;
    const bucketRow = aggregates.rowOf[aggregate];
    const hash = layeredHash(
      batch.view,
      rows[row + COLUMN.start],
      rows[row + COLUMN.rest],
      batch.headLength(row),
      tag & VID_MASK,
      aggregates.layers[bucketRow],
    );
    const first = bucketRow * BUCKETS;
    const bucket = hash >>> BUCKET_SHIFT;
    const member = aggregates.buckets[first + bucket];
    if (member === 0 || this.isAlive(member)) return member;
    for (let n = 1; n < BUCKETS; n++) {
      const other = aggregates.buckets[first + ((bucket + n) & (BUCKETS - 1))];
      if (other !== member && this.isAlive(other)) return other;
    }
    return member;
  }

  private isAlive(member: number): boolean {
    const { counters, egress } = this;
    return egress.queueOf[member] !== undefined && counters.gauges[counters.port(member) + PORT.up] === 1;
  }

  /** Whether the frame is the member's own: what its traps take of the reserved groups, and the tags of VLAN devices. */
  private isOfLink(row: number, port: number): boolean {
    const { topology } = this;
    const { view, rows } = this.batch;
    const at = rows[row + COLUMN.start];
    const lo = dstLo(view, at);
    if (isReservedGroup(dstHi(view, at), lo)) return (topology.traps[port] & (1 << (lo & 15))) !== 0;
    if (topology.vlanDevices[port] === 0 || rows[row + COLUMN.length] < HEADER_LEN + TAG_LEN) return false;
    return isTpid(etherType(view, at)) && isOfVlanDevice(topology, port, view.getInt32(at + MACS_LEN));
  }
}
