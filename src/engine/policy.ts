// Security groups. A stage looks up the connections of received packets, all at once; a gate at egress looks at their copies.
//
//   stage:  known connection -> has its port let it in, under these rules? a compare    else -> may the port send such? out rules
//   gate:   known connection -> has its port let it in, under these rules? a compare    else -> in rules; then it is a connection
//
// So what is refused leaves no trace in the table. What a router takes has no copy: `settle` does for its rows what the gate does. A
// connection that was let in by other rules, or by another port, is asked about again, as its first packet was. If the answer is no,
// it stays: its answers must not be taken for the beginning of another.

import { COLUMN, type FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { ADMITTED, CONNECTION, type Connections, FLOW } from '../table/connections.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import { Flow, OF } from '../table/flow.ts';
import { GroupQuota } from '../table/group_quota.ts';
import { KEY, KEY_WORDS } from '../table/line_search.ts';
import { firstOf, otherOf, pairOf } from '../table/line_table.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import type { WideAddresses } from '../table/wide_addresses.ts';
import type { EgressPass } from './passes.ts';
import { beginsAgain, endLine, keeps } from './policy_again.ts';
import type { Known } from './policy_known.ts';
import { PACKET, PolicyPackets } from './policy_packets.ts';
import { PolicyQuestion } from './policy_question.ts';
import { ANY_EXIT, NO_EXIT, type PolicyRows, ROW_STATE } from './policy_rows.ts';
import { COPY, COPY_FLAG, COPY_WORDS, type EgressQueue } from './port.ts';
import { TcpWindow } from './tcp_window.ts';
import { DOMAIN_SHIFT, type Topology } from './topology.ts';

/** Beside drops, which are from 0 on. */
const LET_IN = -1;

export class Policy implements EgressPass {
  private readonly batch: FrameBatch;
  private readonly counters: Counters;
  protected readonly connections: Connections;
  private readonly clock: Float64Array;
  protected readonly packets: PolicyPackets;
  private readonly question = new PolicyQuestion();
  private readonly window: TcpWindow;
  private readonly flow = new Flow();
  protected quota: GroupQuota;
  private table: PolicyTable;
  // by number of a row
  private readonly state: Uint8Array;
  private readonly place: Int32Array;
  private readonly line: Int32Array;
  private readonly exit: Int32Array;
  private readonly known: Known | null;
  /** All rows of a batch. */
  private readonly all: Int32Array;

  /** @param clock its first word is now, in ms. @param seed any number but 0, at random @param known the fast way, for the same rows */
  constructor(
    batch: FrameBatch,
    counters: Counters,
    connections: Connections,
    table: PolicyTable,
    clock: Float64Array,
    seed: number,
    { state, line, exit }: PolicyRows,
    known: Known | null = null,
  ) {
    const rows = batch.rows.length / ROW;
    this.batch = batch;
    this.counters = counters;
    this.connections = connections;
    this.quota = new GroupQuota(connections);
    this.table = table;
    this.clock = clock;
    this.packets = new PolicyPackets(batch, connections.wide as WideAddresses, seed);
    this.state = state;
    this.place = new Int32Array(rows);
    this.window = new TcpWindow(batch);
    this.line = line;
    this.exit = exit;
    this.known = known;
    known?.load(table, connections);
    this.quota.load(table.groupLimits);
    this.all = Int32Array.from({ length: rows }, (_, n) => n * ROW);
  }

  /** Other rules, for the same connections. */
  load(table: PolicyTable): void {
    this.table = table;
    this.known?.load(table, this.connections);
    this.quota.load(table.groupLimits);
  }

  /** A fresh batch. */
  pass(): void {
    this.packets.count = 0;
    this.ask(false, 0, this.batch.count);
  }

  /** Rows that came in anew, from place `from` of the batch's list on. */
  again(from: number): void {
    this.ask(true, from, this.batch.listed);
  }

  private ask(isListed: boolean, from: number, to: number): void {
    const { known, second } = this;
    if (known === null || this.table.isStrict) {
      this.askAll(isListed ? this.batch.list : this.all, from, to, second);
      return;
    }
    const left = known.find(isListed, from, to, second);
    if (left > 0) this.askAll(known.left, 0, left, second);
  }

  private askAll(list: Int32Array, from: number, to: number, second: number): void {
    const { packets } = this;
    const first = packets.count;
    for (let n = from; n < to; n++) this.enter(list[n], second);
    if (packets.count === first) return;
    this.seek(first, packets.count);
    for (let n = from; n < to; n++) this.judge(list[n], second);
  }

  protected seek(from: number, to: number): void {
    this.packets.search.find(this.connections.flows, from, to);
  }

  /** For those who want to know what was asked: rules of `port`, and which of them fits, see PolicyQuestion. */
  protected noted(_port: number, _side: 'in' | 'out', _rule: number): void {}

  private enter(row: number, second: number): void {
    const { rows } = this.batch;
    const n = row / ROW;
    this.state[n] = ROW_STATE.free;
    this.exit[n] = ANY_EXIT;
    if (rows[row + COLUMN.dest] !== 0) return;
    const zone = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    if (this.table.domains[zone] === 0) return;
    const place = this.packets.count;
    if (this.packets.read(row, zone, second) === PACKET.free) return;
    this.place[n] = place;
    this.state[n] = ROW_STATE.sought;
    this.exit[n] = NO_EXIT;
  }

  private judge(row: number, second: number): void {
    const n = row / ROW;
    if (this.state[n] !== ROW_STATE.sought) return;
    const { rows } = this.batch;
    const port = rows[row + COLUMN.ingress] & PORT_MASK;
    const line = this.packets.search.found[this.place[n]];
    const isFound = line !== 0 && this.isStill(row, line);
    const code = isFound ? this.follow(row, n, line, port, second) : this.meet(row, n, port, second);
    if (code === LET_IN) return;
    this.state[n] = ROW_STATE.free;
    this.exit[n] = ANY_EXIT;
    rows[row + COLUMN.dest] = DEST_DROP | code;
  }

  /** A packet of a connection that is known. Returns a drop, or LET_IN. */
  private follow(row: number, n: number, line: number, port: number, second: number): number {
    const { connections, packets } = this;
    const place = this.place[n];
    const packet = packets.packet[place];
    const { lines } = connections.flows;
    if (!this.isOfLine(line, place)) return this.table.out[port] === 0 ? this.refuse(n) : DROP.policy_invalid;
    this.line[n] = line;
    if (packet === PACKET.error) {
      // Whoever tells of it, its connection is still let in.
      this.state[n] = ROW_STATE.error;
      return this.isLetIn(row, line, ADMITTED.entry, lines[line + ADMITTED.entry] & PORT_MASK)
        ? LET_IN
        : DROP.policy_out;
    }
    if (beginsAgain(connections, line, packets.tcpFlags[place])) {
      endLine(connections, line);
      return this.meet(row, n, port, second);
    }
    this.state[n] = ROW_STATE.known;
    return this.enters(row, n, line, port) ? this.tally(row, line, second) : DROP.policy_out;
  }

  /** Whether a packet of `line` may come in by `port`. Notes by which port it may leave. */
  private enters(row: number, n: number, line: number, port: number): boolean {
    const { connections } = this;
    const { lines } = connections.flows;
    const entry = lines[line + ADMITTED.entry];
    this.exit[n] = lines[line + ADMITTED.exit];
    // What was read is the connection's only if the line has its key also afterwards.
    if (entry === this.word(port) && this.isStill(row, line)) return true;
    connections.take();
    try {
      if (!this.isStill(row, line) || !this.asks(line, ADMITTED.entry, port)) return false;
      this.exit[n] = lines[line + ADMITTED.exit];
      return true;
    } finally {
      connections.release();
    }
  }

  /** Two addresses of IPv6 may have the same hash: that is nobody's connection. */
  private isOfLine(line: number, place: number): boolean {
    const { packets, connections, batch } = this;
    const { keys } = packets.search;
    if ((keys[place * KEY_WORDS + KEY.kind] & 0xff) !== OF.flow6) return true;
    const { srcAt, dstAt } = packets;
    return connections.wide?.isOf(line, batch.view, srcAt[place], dstAt[place]) === true;
  }

  private refuse(n: number): number {
    this.state[n] = ROW_STATE.unknown;
    return LET_IN;
  }

  private meet(row: number, n: number, port: number, second: number): number {
    if (this.table.out[port] !== 0) return this.begin(row, n, port, second);
    this.state[n] = this.packets.stateWithoutLine(this.place[n]);
    return LET_IN;
  }

  /** A packet of no known connection, from a port in a group: may it go anywhere? */
  private begin(row: number, n: number, port: number, second: number): number {
    const { connections, packets } = this;
    const place = this.place[n];
    // Another worker may just have opened it, or moved its line.
    connections.take();
    const line = this.find(place);
    connections.release();
    if (line !== 0) return this.follow(row, n, line, port, second);
    this.state[n] = this.packets.stateWithoutLine(place);
    if (this.state[n] === ROW_STATE.unknown)
      return packets.packet[place] === PACKET.lost ? DROP.policy_fragment : DROP.policy_invalid;
    this.question.about(packets, place, this.batch.view);
    if (this.question.mayLeave(this.table, port)) return LET_IN;
    this.noted(port, 'out', 0);
    return DROP.policy_out;
  }

  /** A row whose destination is an interface of a router: no copy of it will come by the gate. */
  settle({ routers }: Topology, row: number): void {
    const { rows } = this.batch;
    const state = this.state[row / ROW];
    const dest = rows[row + COLUMN.dest];
    if (state !== ROW_STATE.fresh || dest >= DEST_DROP || routers === null) return;
    const port = dest & PORT_MASK;
    if (!(routers.interfaceOf[port] > 0)) return;
    const code = this.settleFor(row, port);
    if (code === LET_IN) return;
    this.state[row / ROW] = ROW_STATE.free;
    rows[row + COLUMN.dest] =
      DEST_DROP | (code === DROP.connection_limit ? DROP.routed_connection_limit : DROP.policy_out);
  }

  /** Takes out of a queue what may not leave. */
  copies(topology: Topology, queue: EgressQueue, from: number): void {
    const { known, exit } = this;
    const { generation } = this.table;
    const first = known === null ? from : known.firstToAsk(queue, from);
    if (first === queue.count) return;
    const { copies } = queue;
    const base = generation << PORT_BITS;
    const end = queue.count * COPY_WORDS;
    let to = first * COPY_WORDS;
    for (let at = to; at < end; at += COPY_WORDS) {
      const row = copies[at + COPY.row];
      const may = exit[row / ROW];
      const port = copies[at + COPY.hop] & PORT_MASK;
      if (may !== ANY_EXIT && may !== (base | port) && (copies[at + COPY.flags] & COPY_FLAG.mirrored) === 0) {
        const code = this.leaves(topology, row, port);
        if (code !== LET_IN) {
          this.counters.drops.count(row, port, code);
          continue;
        }
      }
      if (to !== at) for (let w = 0; w < COPY_WORDS; w++) copies[to + w] = copies[at + w];
      to += COPY_WORDS;
    }
    queue.count = to / COPY_WORDS;
  }

  /** Whether the frame of a row may leave by a port: a drop, or LET_IN. */
  private leaves({ aggregates }: Topology, row: number, port: number): number {
    // It was let out by the aggregate.
    const member = aggregates?.memberOf[port];
    if (member !== undefined && member !== 0) return LET_IN;
    const n = row / ROW;
    const line = this.line[n];
    const { lines } = this.connections.flows;
    switch (this.state[n]) {
      case ROW_STATE.known:
      case ROW_STATE.quick:
        return this.isLetIn(row, line, ADMITTED.exit, port) ? LET_IN : this.dropFor(line);
      case ROW_STATE.error: {
        const { exit } = ADMITTED;
        return this.isLetIn(row, line, exit, lines[line + exit] & PORT_MASK) ? LET_IN : this.dropFor(line);
      }
      case ROW_STATE.fresh:
        return this.settleFor(row, port);
      default:
        return this.table.in[port] === 0 ? LET_IN : DROP.policy_unknown;
    }
  }

  /** Why packets of a line leave no more: its connection goes to the port, or comes from it. */
  private dropFor(line: number): number {
    const isAnswer = (this.connections.flows.lines[line + CONNECTION.state] & FLOW.answer) !== 0;
    return isAnswer ? DROP.policy_group : DROP.policy_in;
  }

  /** A packet that may begin a connection, towards `port`. */
  private settleFor(row: number, port: number): number {
    const { batch, connections, table } = this;
    const from = batch.rows[row + COLUMN.ingress] & PORT_MASK;
    if ((table.out[from] | table.in[port]) === 0) return LET_IN;
    const n = row / ROW;
    const place = this.place[n];
    const { second } = this;
    connections.take();
    try {
      const known = this.find(place);
      if (known !== 0) return this.join(row, n, known, from, port, second);
      if (this.packets.packet[place] !== PACKET.flow) return DROP.policy_unknown;
      const { question } = this;
      question.about(this.packets, place, batch.view);
      const out = question.ruleOut(table, from, port);
      this.noted(from, 'out', out);
      if (out === 0) return DROP.policy_group;
      const into = question.ruleIn(table, port, from);
      this.noted(port, 'in', into);
      if (into === 0) return DROP.policy_in;
      return this.open(row, n, from, port, second);
    } finally {
      connections.release();
    }
  }

  /** A packet of this batch, or another worker's, has just opened its connection. */
  private join(row: number, n: number, line: number, from: number, port: number, second: number): number {
    if (!this.isOfLine(line, this.place[n])) return DROP.policy_unknown;
    this.state[n] = ROW_STATE.known;
    this.line[n] = line;
    if (!this.asks(line, ADMITTED.entry, from)) return DROP.policy_group;
    if (!this.asks(line, ADMITTED.exit, port)) return this.dropFor(line);
    return this.tally(row, line, second) === LET_IN ? LET_IN : DROP.policy_unknown;
  }

  /** Under the lock. */
  private open(row: number, n: number, from: number, port: number, second: number): number {
    const { flow, packets, table, connections } = this;
    const place = this.place[n];
    const { keys } = packets.search;
    const k = place * KEY_WORDS;
    flow.begin(keys[k + KEY.kind], keys[k + KEY.ports], keys[k + KEY.src], keys[k + KEY.dst]);
    // It counts for who began it; of a stranger, for whom it goes to.
    flow.guest = table.out[from] === 0 ? port : from;
    flow.guestZone = 0;
    flow.guestLimit = table.portLimits[flow.guest];
    flow.entry = this.word(from);
    flow.exit = this.word(port);
    if (!this.quota.hasRoom(flow.guest, second)) return DROP.connection_limit;
    if ((flow.kind & 0xff) === OF.flow6) packets.readAddresses(place, flow.addresses);
    const line = connections.open(flow, this.packets.firstState(place), second);
    if (line <= 0) return DROP.connection_limit;
    this.quota.opened(flow.guest);
    this.state[n] = ROW_STATE.known;
    this.line[n] = line;
    return this.tally(row, line, second);
  }

  /** A packet passes, if its connection lets it. */
  private tally(row: number, line: number, second: number): number {
    const { connections, packets, batch } = this;
    if (this.table.isStrict && !this.window.fits(connections, line, row)) return DROP.policy_window;
    connections.track(line, packets.tcpFlags[this.place[row / ROW]], batch.rows[row + COLUMN.length], second);
    return LET_IN;
  }

  /** Whether a line is still of a row: another worker may have ended its connection, and used it for another. */
  private isStill(row: number, line: number): boolean {
    const n = row / ROW;
    if (this.state[n] === ROW_STATE.quick) return this.known?.isOf(line, row) === true;
    return this.packets.isOf(this.connections.flows, line, this.place[n]);
  }

  /** Whether `port` lets in a connection that is still there. `side` of ADMITTED: the packet came in by the port, or leaves by it. */
  private isLetIn(row: number, line: number, side: number, port: number): boolean {
    const { connections } = this;
    connections.take();
    try {
      return this.isStill(row, line) && this.asks(line, side, port);
    } finally {
      connections.release();
    }
  }

  /** Asks about a connection once more, if others let it in, and notes the answer. Under the lock. */
  private asks(line: number, side: number, port: number): boolean {
    const { connections, table, question } = this;
    const { lines } = connections.flows;
    const word = this.word(port);
    const before = lines[line + side];
    if (before === word) return true;
    const isAnswer = (lines[line + CONNECTION.state] & FLOW.answer) !== 0;
    const isOpeners = isAnswer === (side === ADMITTED.exit);
    if (!keeps(table, before, port)) {
      const first = firstOf(pairOf(line));
      const other = lines[first + (isOpeners ? ADMITTED.exit : ADMITTED.entry)] & PORT_MASK;
      question.aboutLine(connections, line);
      const rule = isOpeners ? question.ruleOut(table, port, other) : question.ruleIn(table, port, other);
      this.noted(port, isOpeners ? 'out' : 'in', rule);
      if (rule === 0) return false;
    }
    lines[line + side] = word;
    lines[otherOf(line) + (side === ADMITTED.exit ? ADMITTED.entry : ADMITTED.exit)] = word;
    return true;
  }

  private word(port: number): number {
    return (this.table.generation << PORT_BITS) | port;
  }

  /** The line of a place's key, or 0. Under the lock. */
  protected find(place: number): number {
    return this.packets.find(this.connections.flows, place);
  }

  private get second(): number {
    return Math.floor(this.clock[0] / 1000);
  }
}
