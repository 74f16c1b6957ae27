// The queues of a shaped port, and which frame leaves when. Time is an argument, and all state is in shared memory, so that any worker
// may take a step, one at a time.
//
//   frame -> its class -> FIFO, or a queue for each flow -> [strict by priority] > [below its minimum] > [by weight] -> the port's rate
//
// A rate is a time: `next`, when another byte may go. A frame goes when that has come, and puts it off by what it takes; a pause is made
// up for, `burst` ms at most. So in t ms no more leaves than rate * (t + burst) and one frame, and no fraction is ever lost. While frames
// wait there is no pause: whoever comes late to send them, as a thread does on a busy machine, sends all that should have left by then.
// Classes of equal right take turns by virtual time: each frame puts its class off by bytes / weight, and who is behind is next.

import { CE, ecn, NOT_ECT, setEcn } from '../wire/ecn.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import { skip } from '../wire/vlan.ts';
import { FLOW_BYTES, FlowQueues, type Judge } from './flow_queues.ts';
import {
  blocksFor,
  ENTRY,
  ENTRY_FLOATS,
  ENTRY_TIME,
  ENTRY_WORDS,
  FrameStore,
  LARGE,
  SERVER,
  type StoreSize,
} from './frame_store.ts';
import { CLASS, classAt, MAX_CLASSES, QOS } from './qos_table.ts';

// Words of a class.
const HEAD = 0;
const TAIL = 1;
const FRAMES = 2;
const BYTES = 3;
const CLASS_INTS = 4;

// Times of the port.
const NEXT = 0;
/** Virtual time of the class that had the last turn by weight. */
const VIRTUAL_NOW = 1;
const PORT_TIMES = 2;
/** Of a class: times, then what it counts. */
export const TALLY = {
  minNext: 0,
  maxNext: 1,
  virtual: 2,
  sentFrames: 3,
  sentBytes: 4,
  full: 5,
  late: 6,
  marked: 7,
  /** ms, of the last frames. */
  delay: 8,
} as const;
const TALLIES = 9;

const FLOATS = PORT_TIMES + MAX_CLASSES * TALLIES;
const INTS = MAX_CLASSES * CLASS_INTS;
const STATE_BYTES = FLOATS * 8 + INTS * 4;
/** What a class may be ahead of others by its minimum, in bytes by weight: later it gets its share soon again. */
const MOST_AHEAD = 65_536;
/** The ranks of classes: strict ones are above, by priority. */
const BY_WEIGHT = 0;
const BELOW_MINIMUM = 1;
/** A delay is the mean of about so many frames. */
const DELAY_FRAMES = 16;

/** Bytes of state for classes of which some are fair. */
function stateBytes(fair: number): number {
  return STATE_BYTES + fair * FLOW_BYTES;
}

export class Shaper implements Judge {
  readonly store: FrameStore;
  /** One word: when to try again, ms; Infinity = when something comes. */
  readonly wakeAt = new Float64Array(1);
  /** Frames that were dropped since this was last set to 0: the queue was full, or they waited too long. */
  full = 0;
  late = 0;
  /** Settings of the port: see qos_table.ts. */
  settings: Float64Array;
  private readonly times: Float64Array;
  private readonly ints: Int32Array;
  private readonly flows: (FlowQueues | null)[] = [];
  /** From when on a rate counts for the frame that leaves. */
  private readonly since = new Float64Array(1);
  /** By what right the class of the last `pick` goes. */
  private rank = BY_WEIGHT;

  /** @param settings of the port's row; which classes there are and which are fair stays as it is */
  constructor(memory: SharedArrayBuffer, size: StoreSize, settings: Float64Array) {
    this.store = new FrameStore(memory, size);
    this.settings = settings;
    const at = this.store.stateAt;
    this.times = new Float64Array(memory, at, FLOATS);
    this.ints = new Int32Array(memory, at + FLOATS * 8, INTS);
    let flowsAt = at + STATE_BYTES;
    for (let c = 0; c < settings[QOS.classes]; c++) {
      const isFair = settings[classAt(c) + CLASS.isFair] === 1;
      this.flows.push(isFair ? new FlowQueues(memory, flowsAt, this.store, this) : null);
      if (isFair) flowsAt += FLOW_BYTES;
    }
    this.configure(settings);
  }

  configure(settings: Float64Array): void {
    this.settings = settings;
    for (let c = 0; c < this.flows.length; c++) {
      const at = classAt(c);
      this.flows[c]?.configure(settings[at + CLASS.target], settings[at + CLASS.interval]);
    }
  }

  get isEmpty(): boolean {
    return this.held === 0;
  }

  /** Frames that wait. */
  get held(): number {
    const { ints } = this;
    let held = 0;
    for (let c = 0; c < this.flows.length; c++) held += ints[c * CLASS_INTS + FRAMES];
    return held;
  }

  framesOf(c: number): number {
    return this.ints[c * CLASS_INTS + FRAMES];
  }

  bytesOf(c: number): number {
    return this.ints[c * CLASS_INTS + BYTES];
  }

  /** @param what of TALLY */
  tally(c: number, what: number): number {
    return this.times[PORT_TIMES + c * TALLIES + what];
  }

  /** The worker that gives frames on, counted from 1; 0 = none has to. */
  get server(): number {
    return this.store.header[SERVER];
  }

  set server(worker: number) {
    this.store.header[SERVER] = worker;
  }

  /** Whether the port could send at once, whatever waits. */
  isOpen(clock: Float64Array): boolean {
    return this.times[NEXT] <= clock[0];
  }

  /** Whether a frame of the class may leave right away: nothing waits, and both rates allow it. */
  mayPass(c: number, clock: Float64Array): boolean {
    const { times } = this;
    if (times[NEXT] > clock[0] || times[PORT_TIMES + c * TALLIES + TALLY.maxNext] > clock[0]) return false;
    return this.held === 0;
  }

  /** A frame of the class passes: what it costs. */
  pass(c: number, wire: number, clock: Float64Array): void {
    this.rank = BY_WEIGHT;
    this.catchUp(c);
    this.since[0] = clock[0] - this.settings[QOS.burst];
    this.charge(c, wire);
  }

  /** ms that `wire` bytes take: at the port's rate, or the ceiling of the class. */
  timeOf(c: number, wire: number): number {
    const { settings } = this;
    return wire * Math.max(settings[QOS.cost], settings[classAt(c) + CLASS.maxCost]);
  }

  /**
   * Room for a frame of `length` bytes that counts as `wire`; 0 = its queue is full. Of a fair class the flow that fills the
   * queue makes room.
   */
  take(c: number, length: number, wire: number): number {
    const { settings, ints, flows, store } = this;
    const at = c * CLASS_INTS;
    const limit = settings[classAt(c) + CLASS.limit];
    const queues = flows[c];
    while (ints[at + BYTES] + wire > limit && ints[at + FRAMES] > 0) {
      if (queues === null || !this.makeRoom(queues)) return this.refuse(c);
    }
    let frame = store.take(length);
    while (frame === 0) {
      if (queues === null || !this.makeRoom(queues)) return this.refuse(c);
      frame = store.take(length);
    }
    store.words[frame * ENTRY_WORDS + ENTRY.class] = c;
    store.words[frame * ENTRY_WORDS + ENTRY.wire] = wire;
    store.words[frame * ENTRY_WORDS + ENTRY.length] = length;
    return frame;
  }

  /** Puts what `take` gave into its queue. The caller has filled it. */
  push(frame: number, clock: Float64Array): void {
    const { ints, store, flows } = this;
    const c = store.words[frame * ENTRY_WORDS + ENTRY.class];
    const at = c * CLASS_INTS;
    store.floats[frame * ENTRY_FLOATS + ENTRY_TIME] = clock[0];
    if (ints[at + FRAMES] === 0) this.catchUp(c);
    ints[at + FRAMES] += 1;
    ints[at + BYTES] += store.words[frame * ENTRY_WORDS + ENTRY.wire];
    const queues = flows[c];
    if (queues !== null) {
      queues.push(frame);
      return;
    }
    store.words[frame * ENTRY_WORDS + ENTRY.next] = 0;
    if (ints[at + HEAD] === 0) ints[at + HEAD] = frame;
    else store.words[ints[at + TAIL] * ENTRY_WORDS + ENTRY.next] = frame;
    ints[at + TAIL] = frame;
  }

  /** The frame that leaves now, to be released by the caller; 0 = none, and `wakeAt` says when to ask again. */
  pop(clock: Float64Array): number {
    const { times, store, flows } = this;
    for (let c = this.pick(clock); c >= 0; c = this.pick(clock)) {
      const queues = flows[c];
      const frame = queues === null ? this.shift(c, clock) : queues.pop(clock);
      if (frame === 0) continue; // all of it was too late
      this.leave(frame);
      this.since[0] = Math.min(
        store.floats[frame * ENTRY_FLOATS + ENTRY_TIME],
        clock[0] - this.settings[QOS.burst],
      );
      this.charge(c, store.words[frame * ENTRY_WORDS + ENTRY.wire]);
      const at = PORT_TIMES + c * TALLIES + TALLY.delay;
      times[at] += (clock[0] - store.floats[frame * ENTRY_FLOATS + ENTRY_TIME] - times[at]) / DELAY_FRAMES;
      return frame;
    }
    return 0;
  }

  /** Any frame, whatever the rates say: for who clears the queues. 0 = there is none. */
  popAny(): number {
    for (let c = 0; c < this.flows.length; c++) {
      const queues = this.flows[c];
      const frame = queues === null ? this.shiftAny(c) : queues.takeFromFattest();
      if (frame === 0) continue;
      this.leave(frame);
      return frame;
    }
    return 0;
  }

  mark(frame: number): boolean {
    const { store } = this;
    const at = store.at(frame);
    const end = at + Math.min(store.words[frame * ENTRY_WORDS + ENTRY.length], LARGE);
    const typeAt = skip(store.view, at + MACS_LEN, end);
    if (typeAt < 0 || typeAt + 22 > end) return false;
    const type = store.view.getUint16(typeAt);
    if (type !== TYPE_IPV4 && type !== TYPE_IPV6) return false;
    if (ecn(store.view, typeAt + 2) === NOT_ECT) return false;
    setEcn(store.view, typeAt + 2, CE);
    this.count(store.words[frame * ENTRY_WORDS + ENTRY.class], TALLY.marked);
    return true;
  }

  drop(frame: number): void {
    this.leave(frame);
    this.late++;
    this.count(this.store.words[frame * ENTRY_WORDS + ENTRY.class], TALLY.late);
    this.store.release(frame);
  }

  /** The class whose turn it is; -1 = none may send now. */
  private pick(clock: Float64Array): number {
    const { settings, times, ints, wakeAt } = this;
    let best = -1;
    let bestRank = -1;
    wakeAt[0] = Number.POSITIVE_INFINITY;
    const isOpen = times[NEXT] <= clock[0];
    for (let c = 0; c < this.flows.length; c++) {
      if (ints[c * CLASS_INTS + FRAMES] === 0) continue;
      const at = PORT_TIMES + c * TALLIES;
      if (times[at + TALLY.maxNext] > clock[0] || !isOpen) {
        wakeAt[0] = Math.min(wakeAt[0], Math.max(times[NEXT], times[at + TALLY.maxNext]));
        continue;
      }
      const own = classAt(c);
      let rank = settings[own + CLASS.priority];
      if (rank > 0) rank += BELOW_MINIMUM;
      else if (settings[own + CLASS.minCost] > 0 && times[at + TALLY.minNext] <= clock[0])
        rank = BELOW_MINIMUM;
      const isBehind =
        rank === bestRank && times[at + TALLY.virtual] < times[PORT_TIMES + best * TALLIES + TALLY.virtual];
      if (rank > bestRank || isBehind) {
        best = c;
        bestRank = rank;
      }
    }
    this.rank = bestRank;
    return best;
  }

  private charge(c: number, wire: number): void {
    const { settings, times } = this;
    const since = this.since[0];
    const at = PORT_TIMES + c * TALLIES;
    const own = classAt(c);
    times[NEXT] = Math.max(times[NEXT], since) + wire * settings[QOS.cost];
    times[at + TALLY.minNext] =
      Math.max(times[at + TALLY.minNext], since) + wire * settings[own + CLASS.minCost];
    if (settings[own + CLASS.maxCost] > 0)
      times[at + TALLY.maxNext] =
        Math.max(times[at + TALLY.maxNext], since) + wire * settings[own + CLASS.maxCost];
    const virtual = times[at + TALLY.virtual];
    const after = virtual + wire / settings[own + CLASS.weight];
    if (this.rank === BY_WEIGHT) times[VIRTUAL_NOW] = Math.max(times[VIRTUAL_NOW], virtual);
    times[at + TALLY.virtual] =
      this.rank === BY_WEIGHT ? after : Math.max(virtual, Math.min(after, times[VIRTUAL_NOW] + MOST_AHEAD));
    times[at + TALLY.sentFrames] += 1;
    times[at + TALLY.sentBytes] += wire;
  }

  /** Who had nothing to send has saved nothing up. */
  private catchUp(c: number): void {
    const { times } = this;
    const at = PORT_TIMES + c * TALLIES + TALLY.virtual;
    times[at] = Math.max(times[at], times[VIRTUAL_NOW]);
  }

  /** The oldest frame of a FIFO that has not waited too long. */
  private shift(c: number, clock: Float64Array): number {
    const latest = clock[0] - this.settings[classAt(c) + CLASS.maxAge];
    for (;;) {
      const frame = this.shiftAny(c);
      if (frame === 0 || this.store.floats[frame * ENTRY_FLOATS + ENTRY_TIME] >= latest) return frame;
      this.drop(frame);
    }
  }

  private shiftAny(c: number): number {
    const { ints, store } = this;
    const at = c * CLASS_INTS;
    const frame = ints[at + HEAD];
    if (frame !== 0) ints[at + HEAD] = store.words[frame * ENTRY_WORDS + ENTRY.next];
    return frame;
  }

  private makeRoom(queues: FlowQueues): boolean {
    const frame = queues.takeFromFattest();
    if (frame === 0) return false;
    this.leave(frame);
    this.refuse(this.store.words[frame * ENTRY_WORDS + ENTRY.class]);
    this.store.release(frame);
    return true;
  }

  private refuse(c: number): number {
    this.full++;
    this.count(c, TALLY.full);
    return 0;
  }

  private leave(frame: number): void {
    const { ints, store } = this;
    const at = store.words[frame * ENTRY_WORDS + ENTRY.class] * CLASS_INTS;
    ints[at + FRAMES] -= 1;
    ints[at + BYTES] -= store.words[frame * ENTRY_WORDS + ENTRY.wire];
  }

  private count(c: number, what: number): void {
    this.times[PORT_TIMES + c * TALLIES + what] += 1;
  }
}

/** Blocks and state for a port with these settings: who makes the memory and who reads it agree. */
export function storeSize(settings: Float64Array): StoreSize {
  let fair = 0;
  for (let c = 0; c < settings[QOS.classes]; c++) fair += settings[classAt(c) + CLASS.isFair];
  return { ...blocksFor(settings[QOS.memory]), state: stateBytes(fair) };
}
