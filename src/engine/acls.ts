// Access lists. A stage asks those for what comes in, before anything is learned of the sender; a gate at egress those for copies that
// leave. Nothing is remembered of a frame: each is asked about by itself.
//
//   in:   lists of the port -> of its VLAN -> of the bridge           out:  lists of the bridge -> of the VLAN -> of the port
//
// Each of these places must let a frame pass. What a rule wants beside that (a mark, a copy, a rate, a line in the log) it gets at once.

import { COLUMN, type FrameBatch, MARK, ROW, withRuleMark } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import { AclKey } from '../table/acl_key.ts';
import { AclSearch } from '../table/acl_search.ts';
import {
  ACL_WORKERS,
  ACTION,
  AclState,
  type AclTable,
  END,
  LIST,
  LIST_WORDS,
  MAX_SLOTS,
} from '../table/acl_table.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { Lock } from '../table/lock.ts';
import { GREEN, METER, METER_FLAG, METER_STATE_WORDS, METER_WORDS, meter, YELLOW } from '../table/meter.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';
import type { AclMirrors } from './acl_mirrors.ts';
import { readAclKey } from './acl_packet.ts';
import { DEI } from './dei.ts';
import type { HostPort } from './host_port.ts';
import { segmentsOf } from './offload.ts';
import type { EgressPass } from './passes.ts';
import { COPY, COPY_FLAG, COPY_WORDS, type EgressQueue } from './port.ts';
import { DOMAIN_SHIFT, type Topology } from './topology.ts';
import { wireBytes } from './wire_bytes.ts';

/** What becomes of a frame. */
const FATE = { passes: 0, denied: 1, policed: 2 } as const;
export type AclSide = 'in' | 'out';

export class Acls implements EgressPass {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  private readonly clock: Float64Array;
  private readonly host: HostPort;
  private readonly mirrors: AclMirrors;
  private readonly worker: number;
  private readonly key: AclKey;
  private readonly search = new AclSearch();
  private table: AclTable | null = null;
  protected state: AclState | null = null;
  /** Where this worker's counters begin. */
  protected hitsAt = 0;
  /** By slot, of those that were needed. */
  private locks: (Lock | undefined)[] = [];

  // of the frame that is asked about
  private row = 0;
  private port = 0;
  private isOut = false;
  private tagLength = 0;
  private mirrored = 0;
  private isYellow = false;
  /** The rule whose policer it was too much for. */
  private exceeded = 0;

  constructor(
    batch: FrameBatch,
    counters: Counters,
    clock: Float64Array,
    host: HostPort,
    mirrors: AclMirrors,
    worker: number,
  ) {
    this.batch = batch;
    this.counters = counters;
    this.clock = clock;
    this.host = host;
    this.mirrors = mirrors;
    this.worker = worker;
    this.key = new AclKey(batch.view);
  }

  load(table: AclTable | null): void {
    this.table = table;
    if (table === null || table.memory === this.state?.memory) return;
    this.state = new AclState(table.memory, ACL_WORKERS);
    this.hitsAt = this.worker * 2 * MAX_SLOTS;
    this.locks = [];
  }

  /** Fresh rows. */
  pass(topology: Topology): void {
    const { table } = this;
    if (table === null || !table.hasIn) return;
    const end = this.batch.count * ROW;
    for (let row = 0; row < end; row += ROW) this.enter(table, topology, row, true);
  }

  /** Rows that came in anew, from place `from` of the batch's list on. */
  again(topology: Topology, from: number): void {
    const { table } = this;
    if (table === null || !table.hasIn) return;
    const { list, listed } = this.batch;
    for (let n = from; n < listed; n++) this.enter(table, topology, list[n], false);
  }

  private enter(table: AclTable, topology: Topology, row: number, isFresh: boolean): void {
    const { rows } = this.batch;
    if (rows[row + COLUMN.dest] !== 0 || (rows[row + COLUMN.mark] & MARK.said) !== 0) return;
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const ofPort = table.portIn[port];
    const ofVlan = table.vlanIn[domain];
    const ofBridge = table.bridgeIn[domain];
    if ((ofPort | ofVlan | ofBridge) === 0) return;
    const tagLength = isFresh ? rows[row + COLUMN.rest] - rows[row + COLUMN.start] - MACS_LEN : 0;
    this.begin(row, port, false, tagLength);
    const fate = this.ask(table, topology, ofPort, ofVlan, ofBridge);
    if (this.isYellow) rows[row + COLUMN.tci] |= DEI;
    if (this.mirrored !== 0) this.mirrors.wantRow(topology, row, this.mirrored, isFresh);
    if (fate === FATE.passes) return;
    rows[row + COLUMN.dest] = DEST_DROP | (fate === FATE.denied ? DROP.acl_in : DROP.acl_policed_in);
    if (fate === FATE.policed) rows[row + COLUMN.user] = this.exceeded; // for whoever looks on
  }

  /** Takes out of a queue what may not leave. */
  copies(topology: Topology, queue: EgressQueue, from: number): void {
    const { table, counters, mirrors } = this;
    if (table === null || !table.hasOut) return;
    const { copies } = queue;
    const end = queue.count * COPY_WORDS;
    let to = from * COPY_WORDS;
    for (let at = to; at < end; at += COPY_WORDS) {
      const fate = this.leave(table, topology, copies, at);
      if (fate !== FATE.passes) {
        const port = copies[at + COPY.hop] & PORT_MASK;
        counters.drops.count(
          copies[at + COPY.row],
          port,
          fate === FATE.denied ? DROP.acl_out : DROP.acl_policed_out,
        );
        continue;
      }
      if (to !== at) for (let w = 0; w < COPY_WORDS; w++) copies[to + w] = copies[at + w];
      to += COPY_WORDS;
    }
    queue.count = to / COPY_WORDS;
    // Only now: copies may go to this queue, too.
    mirrors.copyWanted(topology);
  }

  private leave(table: AclTable, topology: Topology, copies: Int32Array, at: number): number {
    const { rows, spare } = this.batch;
    const row = copies[at + COPY.row];
    const port = copies[at + COPY.hop] & PORT_MASK;
    // What the switch says itself: answers to what was too big have a row behind all others.
    const isSaid = row >= spare || (rows[row + COLUMN.mark] & MARK.said) !== 0;
    if (isSaid || (copies[at + COPY.flags] & COPY_FLAG.mirrored) !== 0) return FATE.passes;
    const member = topology.aggregates?.memberOf[port];
    // It was let out by the aggregate.
    if (member !== undefined && member !== 0) return FATE.passes;
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const ofPort = table.portOut[port];
    const ofVlan = table.vlanOut[domain];
    const ofBridge = table.bridgeOut[domain];
    if ((ofPort | ofVlan | ofBridge) === 0) return FATE.passes;
    const tag = copies[at + COPY.tag];
    this.begin(row, port, true, tag === 0 ? 0 : TAG_LEN);
    const fate = this.ask(table, topology, ofBridge, ofVlan, ofPort);
    if (this.isYellow && tag !== 0) copies[at + COPY.tag] = tag | DEI;
    if (this.mirrored !== 0) this.mirrors.wantCopy(row, this.mirrored, tag);
    return fate;
  }

  private begin(row: number, port: number, isOut: boolean, tagLength: number): void {
    this.row = row;
    this.port = port;
    this.isOut = isOut;
    this.tagLength = tagLength;
    this.mirrored = 0;
    this.isYellow = false;
    readAclKey(this.key, this.batch, row);
  }

  private ask(table: AclTable, topology: Topology, first: number, second: number, third: number): number {
    let fate: number = FATE.passes;
    if (first !== 0) fate = this.askPlace(table, topology, first);
    if (second !== 0 && fate === FATE.passes) fate = this.askPlace(table, topology, second);
    if (third !== 0 && fate === FATE.passes) fate = this.askPlace(table, topology, third);
    return fate;
  }

  /** The lists of a place, as if they were one; behind the last is its end. */
  private askPlace(table: AclTable, topology: Topology, chain: number): number {
    const { chainAt, chains, lists, actions } = table;
    const { search, key } = this;
    const end = chainAt[chain + 1];
    let last = -1;
    for (let n = chainAt[chain]; n < end; n++) {
      const list = chains[n];
      const l = list * LIST_WORDS;
      const first = lists[l + LIST.firstRule];
      last = first + lists[l + LIST.rules];
      search.begin(table, list, key);
      for (let rule = search.next(table, 0); rule >= 0; rule = search.next(table, rule + 1)) {
        const action = this.hit(table, first + rule);
        if ((action & ACTION.special) !== 0 && !this.mayPass(table, topology, first + rule)) {
          this.exceeded = first + rule;
          return FATE.policed;
        }
        if ((action & ACTION.goesOn) === 0) return (action & ACTION.deny) === 0 ? FATE.passes : FATE.denied;
      }
    }
    if (last < 0) return FATE.passes;
    const rule = last + (key.isLink ? END.link : END.rest);
    this.hit(table, rule);
    return (actions[rule] & ACTION.deny) === 0 ? FATE.passes : FATE.denied;
  }

  /** Counts the frame. Returns what the rule does. */
  private hit({ actions, slots }: AclTable, rule: number): number {
    const hits = (this.state as AclState).hits;
    const at = this.hitsAt + 2 * slots[rule];
    hits[at] += 1;
    hits[at + 1] += this.batch.rows[this.row + COLUMN.length];
    this.noted(rule, this.port, this.isOut ? 'out' : 'in');
    return actions[rule];
  }

  /** For those who want to know what was asked. */
  protected noted(_rule: number, _port: number, _side: AclSide): void {}

  /** What a rule does beside deciding. False: it was too much for its policer. */
  private mayPass(table: AclTable, { domainBridge }: Topology, rule: number): boolean {
    const { rows } = this.batch;
    const { row } = this;
    if (table.policers[rule] !== 0 && !this.police(table, rule)) return false;
    const mark = table.marks[rule];
    if (mark !== 0) rows[row + COLUMN.mark] = withRuleMark(rows[row + COLUMN.mark], mark);
    const mirror = table.mirrors[rule];
    if (mirror !== 0) {
      const bridge = domainBridge[rows[row + COLUMN.domain] >>> DOMAIN_SHIFT];
      this.mirrored |= table.mirrorBits[bridge * table.mirrorNames + mirror];
    }
    if ((table.actions[rule] & ACTION.log) !== 0) this.log(rule);
    return true;
  }

  protected log(rule: number): void {
    this.host.puntLogged(this.row, this.port, rule, this.isOut);
  }

  /** Workers share the policers of rules. */
  protected police({ settings, policers, slots }: AclTable, rule: number): boolean {
    const { batch, row } = this;
    const state = this.state as AclState;
    const slot = slots[rule];
    const at = policers[rule] * METER_WORDS;
    const flags = settings[at + METER.flags];
    const segments = Math.max(1, segmentsOf(batch, row));
    const amount =
      (flags & METER_FLAG.frames) !== 0 ? segments : wireBytes(batch, row, segments, this.tagLength);
    const lock = this.lockOf(state, slot);
    lock.take();
    const colour = meter(settings, at, state.meters, slot * METER_STATE_WORDS, amount, this.clock);
    lock.release();
    if (colour === GREEN) return true;
    if (colour !== YELLOW || (flags & METER_FLAG.dropYellow) !== 0) return false;
    if ((flags & METER_FLAG.deiYellow) !== 0) this.isYellow = true;
    return true;
  }

  private lockOf({ locks }: AclState, slot: number): Lock {
    const known = this.locks[slot];
    if (known !== undefined) return known;
    const lock = new Lock(locks, 2 * slot);
    this.locks[slot] = lock;
    return lock;
  }
}
