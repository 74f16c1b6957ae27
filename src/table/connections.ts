// Connections: what NAT translates, and what filters ask for. Two lines each, one a direction (line_table.ts), so that a packet
// needs one line: its key, what becomes of it, state, time, counters. In memory that workers share: a lookup takes no lock.
//
//   | kind | ports | state, flags | seen | packets (f64) | bytes (f64) | src | dst | newSrc | newDst | newPorts | sums | opened | rule |
//
// `timers` has by pair when to look whether the connection is silent for too long: the sweeper reads only this, and the lines of
// those whose time has come. So a packet writes its own line and nothing else. Two threats: one guest fills the table, or takes
// all ports of an address. So each may have at most SHARE times what is free: a few greedy ones leave room for others.

import { nextState, STATE, STATES } from './connection_state.ts';
import { answerPorts, type Flow, OF, sumOfChange, zoneOf } from './flow.ts';
import { DST, firstOf, KIND, LineTable, otherOf, PORTS, pairOf, SEED_WORDS, SRC } from './line_table.ts';
import { Lock } from './lock.ts';
import { Mappings } from './mappings.ts';
import { WideAddresses } from './wide_addresses.ts';

/** Words of a line. */
export const CONNECTION = {
  /** STATE in the lowest byte, flags of FLOW above. */
  state: 2,
  /** Second of the last packet. */
  seen: 3,
  /** As Float64. */
  packets: 4,
  bytes: 6,
  newSrc: 10,
  newDst: 11,
  newPorts: 12,
  /** Sums of the change: of addresses << 16 | of ports, see `sumOfChange`. */
  sums: 13,
  opened: 14,
  rule: 15,
} as const;

/**
 * Of policy, in the place of what NAT has there: generation << 12 | port. Packets of the line's direction came in by `entry`, and may;
 * they left by `exit`, and may.
 */
export const ADMITTED = { entry: CONNECTION.newSrc, exit: CONNECTION.newDst } as const;

/** Flags beside the state. */
export const FLOW = {
  state: 0xff,
  /** The line is of what answers. */
  answer: 0x100,
  /** Something changes in such packets. */
  translated: 0x200,
} as const;

/** Each guest may have this many times what is free. */
const SHARE = 8;
/** Words of memory before the tables. */
const HEADER = 64;
const LOCK = 0;
const USED = 2;
const CAPACITY = 3;
const SECOND = 4;
const IS_WIDE = 5;
const SEED = 16;
/** By zone: connections now, and ports. */
const ZONES = 65_536;
/** Where tables begin. */
const TABLES = (HEADER + 2 * ZONES) * 4;
/** Mappings and guests for each connection, at most. */
const NOTES = 2;
/** What a removal costs of the sweeper's budget. */
const REMOVAL = 64;

/** By zone: most connections, and by state the seconds for which one may be silent. */
export interface ConnectionRules {
  readonly limit: Uint32Array;
  readonly timeouts: Int32Array;
}

/** Why none was opened. */
export const REFUSED = { full: -1, taken: -2 } as const;

export class Connections {
  readonly flows: LineTable;
  readonly mappings: Mappings;
  readonly capacity: number;
  /** By zone: how many there are. */
  readonly ofZone: Int32Array;
  /** By zone: ports that are taken for all destinations. */
  readonly portsOfZone: Int32Array;
  /** The lines as Float64, for packets and bytes. */
  readonly sums: Float64Array;
  /** Of IPv6; null = connections are of IPv4 only. */
  readonly wide: WideAddresses | null;
  private readonly header: Int32Array;
  private readonly lock: Lock;
  private rules: ConnectionRules;
  /** The sweeper's place, a pair. */
  private cursor = 1;

  /** @param memory of `allocate`, the same for all workers */
  constructor(memory: SharedArrayBuffer, rules: ConnectionRules) {
    this.rules = rules;
    this.header = new Int32Array(memory, 0, HEADER);
    this.lock = new Lock(this.header, LOCK);
    this.capacity = this.header[CAPACITY];
    const seed = this.header.subarray(SEED, SEED + SEED_WORDS);
    this.ofZone = new Int32Array(memory, HEADER * 4, ZONES);
    this.portsOfZone = new Int32Array(memory, (HEADER + ZONES) * 4, ZONES);
    const flowsAt = TABLES;
    this.flows = new LineTable(memory, flowsAt, this.capacity, seed);
    const mappings = new LineTable(
      memory,
      flowsAt + LineTable.bytes(this.capacity),
      this.capacity * NOTES,
      seed,
    );
    this.mappings = new Mappings(mappings, this.portsOfZone);
    const wideAt = flowsAt + LineTable.bytes(this.capacity) + LineTable.bytes(this.capacity * NOTES);
    this.wide = this.header[IS_WIDE] === 0 ? null : new WideAddresses(memory, wideAt, this.capacity, seed);
    const { lines } = this.flows;
    this.sums = new Float64Array(memory, lines.byteOffset, lines.length / 2);
  }

  /** @param seed SEED_WORDS random words @param isWide of IPv6, too */
  static allocate(capacity: number, seed: Int32Array, isWide = false): SharedArrayBuffer {
    const bytes = TABLES + LineTable.bytes(capacity) + LineTable.bytes(capacity * NOTES);
    const memory = new SharedArrayBuffer(bytes + (isWide ? WideAddresses.bytes(capacity) : 0));
    const header = new Int32Array(memory, 0, HEADER);
    header[CAPACITY] = capacity;
    header[IS_WIDE] = isWide ? 1 : 0;
    header.set(seed, SEED);
    return memory;
  }

  /** The words with which a memory was allocated. */
  static seedOf(memory: SharedArrayBuffer): Int32Array {
    return new Int32Array(memory, 4 * SEED, SEED_WORDS);
  }

  /** A worker died: those who wait for the lock, or will, give up by an exception. */
  static abandon(memory: SharedArrayBuffer): void {
    new Lock(new Int32Array(memory, 0, HEADER), LOCK).abandon();
  }

  /** Limits that are exceeded end nothing: there is no room until enough is over. */
  configure(rules: ConnectionRules): void {
    this.rules = rules;
  }

  get used(): number {
    return this.header[USED];
  }

  /** Now, for those who only read. */
  get second(): number {
    return this.header[SECOND];
  }

  /** Keeps others from adding and removing. */
  take(): void {
    this.lock.take();
  }

  release(): void {
    this.lock.release();
  }

  /**
   * Opens a connection, whose key is not in the table. Under the lock. Returns the line of its first direction, or REFUSED:
   * `taken`, if answers to it could not be told from those of another.
   */
  open(flow: Flow, state: number, second: number): number {
    const { flows, mappings, header } = this;
    const answers = answerPorts(flow.protocol, flow.newPorts);
    if (flows.find(flow.kind, answers, flow.newDst, flow.newSrc) !== 0) return REFUSED.taken;
    const zone = zoneOf(flow.kind);
    const free = Math.min(this.capacity - header[USED], this.rules.limit[zone] - this.ofZone[zone]);
    const guest = mappings.guest(flow.guestZone, flow.guest);
    if (guest === 0) return REFUSED.full;
    if (mappings.connectionsOf(guest) >= Math.min(free * SHARE, flow.guestLimit)) {
      mappings.forgetIdle(guest);
      return REFUSED.full;
    }
    const first = flows.take();
    if (first === 0) {
      mappings.forgetIdle(guest);
      return REFUSED.full;
    }
    this.write(first, flow, flow.ports, flow.src, flow.dst, flow.newPorts, flow.newSrc, flow.newDst);
    const back = answerPorts(flow.protocol, flow.ports);
    this.write(otherOf(first), flow, answers, flow.newDst, flow.newSrc, back, flow.dst, flow.src);
    const isTranslated =
      flow.ports !== flow.newPorts || flow.src !== flow.newSrc || flow.dst !== flow.newDst
        ? FLOW.translated
        : 0;
    if (flow.entry !== 0) this.admit(first, flow);
    this.setState(first, state | isTranslated, second);
    this.setState(otherOf(first), state | isTranslated | FLOW.answer, second);
    if (!flows.link(first)) return this.giveBack(first, guest);
    if (!flows.link(otherOf(first))) {
      flows.unlink(first);
      return this.giveBack(first, guest);
    }
    const pair = pairOf(first);
    flows.notes[pair * 2] = flow.mapping;
    flows.notes[pair * 2 + 1] = guest;
    flows.timers[pair] = (second + this.timeoutOf(zone, state)) | 1;
    if (flow.mapping !== 0) mappings.hold(flow.mapping);
    mappings.count(guest, 1);
    header[USED]++;
    this.ofZone[zone]++;
    return first;
  }

  /** What both ends let it, seen from each direction, before anybody else sees its lines. */
  private admit(first: number, { kind, entry, exit, addresses }: Flow): void {
    const { lines } = this.flows;
    lines[first + ADMITTED.entry] = entry;
    lines[first + ADMITTED.exit] = exit;
    lines[otherOf(first) + ADMITTED.entry] = exit;
    lines[otherOf(first) + ADMITTED.exit] = entry;
    if (this.wide !== null && (kind & 0xff) === OF.flow6) this.wide.write(pairOf(first), addresses);
  }

  private giveBack(first: number, guest: number): number {
    this.flows.release(first);
    this.mappings.forgetIdle(guest);
    return REFUSED.full;
  }

  /** Notes a packet of the line's direction; `flags` are those of TCP. */
  track(line: number, flags: number, bytes: number, second: number): void {
    const { sums } = this;
    const { lines } = this.flows;
    const at = (line + CONNECTION.packets) >> 1;
    sums[at] += 1;
    sums[at + 1] += bytes;
    if (lines[line + CONNECTION.seen] !== second) lines[line + CONNECTION.seen] = second;
    const word = lines[line + CONNECTION.state];
    const state = word & FLOW.state;
    if (state < STATE.syn_sent) return;
    const next = nextState(state, flags, (word & FLOW.answer) !== 0);
    if (next !== state) this.change(line, next, second);
  }

  /** Others may change it at the same time: then one of the two is what counts, and both are near the truth. */
  private change(line: number, state: number, second: number): void {
    const { lines, timers } = this.flows;
    for (const one of [line, otherOf(line)])
      lines[one + CONNECTION.state] = (lines[one + CONNECTION.state] & ~FLOW.state) | state;
    const timer = (second + this.timeoutOf(zoneOf(lines[line + KIND]), state)) | 1;
    const pair = pairOf(line);
    // A later time is found out when the earlier one has come.
    if (timers[pair] !== 0 && timer - timers[pair] < 0) timers[pair] = timer;
  }

  /**
   * Ends what was silent for too long among the next `pairs` connections. Returns how many it has looked at, fewer if `budget` was
   * used up: a look costs 1, an end REMOVAL.
   */
  sweep(second: number, pairs: number, budget: number): number {
    const { high, timers } = this.flows;
    this.header[SECOND] = second;
    let left = budget;
    let seen = 0;
    for (; seen < Math.min(pairs, high) && left > 0; seen++) {
      if (this.cursor >= high) this.cursor = 1;
      const pair = this.cursor++;
      left -= 1;
      if (timers[pair] === 0 || timers[pair] - second > 0 || !this.isOver(pair, second)) continue;
      this.end(pair, second);
      left -= REMOVAL;
    }
    return seen;
  }

  /** Whether a connection is silent for too long; else its timer is put forward. */
  private isOver(pair: number, second: number): boolean {
    const { lines, timers } = this.flows;
    const first = firstOf(pair);
    const age = Math.min(
      second - lines[first + CONNECTION.seen],
      second - lines[otherOf(first) + CONNECTION.seen],
    );
    const state = lines[first + CONNECTION.state] & FLOW.state;
    const left = this.timeoutOf(zoneOf(lines[first + KIND]), state) - age;
    if (left <= 0) return true;
    timers[pair] = (second + left) | 1;
    return false;
  }

  private timeoutOf(zone: number, state: number): number {
    return this.rules.timeouts[zone * STATES + state];
  }

  private end(pair: number, second: number): void {
    this.lock.take();
    try {
      if (this.flows.timers[pair] !== 0 && this.isOver(pair, second)) this.remove(firstOf(pair));
    } finally {
      this.lock.release();
    }
  }

  /** Ends a connection. Under the lock. */
  remove(first: number): void {
    const { flows, mappings } = this;
    const pair = pairOf(first);
    const zone = zoneOf(flows.lines[first + KIND]);
    const mapping = flows.notes[pair * 2];
    const guest = flows.notes[pair * 2 + 1];
    flows.unlink(first);
    flows.unlink(otherOf(first));
    flows.release(first);
    if (mapping !== 0) mappings.drop(mapping);
    mappings.count(guest, -1);
    mappings.forgetIdle(guest);
    this.header[USED]--;
    this.ofZone[zone]--;
  }

  /** Ends all for which `isGone` holds. Returns how many. */
  endWhere(isGone: (zone: number, rule: number) => boolean): number {
    const { flows } = this;
    const { lines, timers } = flows;
    let ended = 0;
    this.lock.take();
    try {
      for (let pair = 1; pair < flows.high; pair++) {
        const first = firstOf(pair);
        if (timers[pair] === 0) continue;
        if (!isGone(zoneOf(lines[first + KIND]), lines[first + CONNECTION.rule])) continue;
        this.remove(first);
        ended++;
      }
    } finally {
      this.lock.release();
    }
    return ended;
  }

  private write(
    line: number,
    flow: Flow,
    ports: number,
    src: number,
    dst: number,
    newPorts: number,
    newSrc: number,
    newDst: number,
  ): void {
    const { lines } = this.flows;
    lines[line + KIND] = flow.kind;
    lines[line + PORTS] = ports;
    lines[line + SRC] = src;
    lines[line + DST] = dst;
    lines[line + CONNECTION.newSrc] = newSrc;
    lines[line + CONNECTION.newDst] = newDst;
    lines[line + CONNECTION.newPorts] = newPorts;
    lines[line + CONNECTION.sums] =
      (sumOfChange(src, newSrc, dst, newDst) << 16) | sumOfChange(ports, newPorts, 0, 0);
    lines[line + CONNECTION.rule] = flow.rule;
  }

  private setState(line: number, state: number, second: number): void {
    const { lines } = this.flows;
    lines[line + CONNECTION.state] = state;
    lines[line + CONNECTION.seen] = second;
    lines[line + CONNECTION.opened] = second;
    this.sums[(line + CONNECTION.packets) >> 1] = 0;
    this.sums[(line + CONNECTION.bytes) >> 1] = 0;
  }
}
