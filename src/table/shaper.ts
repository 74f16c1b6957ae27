// The queues of shaped ports, and which frame leaves when. Time is an argument, and all state is in shared memory, so that any worker
// may take a step, one at a time. One shaper looks at one port after the other (`select`): see frame_store.ts.
//
//   frame -> its class -> FIFO, or a queue for each flow -> [strict by priority] > [below its minimum] > [by weight] -> the port's rate
//
// A rate is a time: `next`, when another byte may go. A frame goes when that has come, and puts it off by what it takes; a pause is made
// up for, `burst` ms at most. So in t ms no more leaves than rate * (t + burst) and one frame, and no fraction is ever lost. While frames
// wait there is no pause: who comes late, as a thread does on a busy machine, sends all that should have left by then, or in `catchUp` ms.
// Classes of equal right take turns by virtual time: each frame puts its class off by bytes / weight, and who is behind is next.

import { CE, ecn, NOT_ECT, setEcn } from '../wire/ecn.ts';
import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import { skip } from '../wire/vlan.ts';
import { FlowQueues, type Judge } from './flow_queues.ts';
import {
  ENTRY,
  ENTRY_FLOATS,
  ENTRY_TIME,
  ENTRY_WORDS,
  FrameStore,
  HELD,
  LARGE,
  SERVER,
  type Slab,
} from './frame_store.ts';
import { CLASS, classAt, QOS } from './qos_table.ts';
import {
  BYTES,
  CLASS_FLOATS,
  FIRST_CLASS,
  FLOWS,
  FRAMES,
  HEAD,
  NEXT,
  TAIL,
  TALLY,
  VIRTUAL_NOW,
} from './shaper_state.ts';

/** What a class may be ahead of others by its minimum, in bytes by weight: later it gets its share soon again. */
const MOST_AHEAD = 65_536;
/** ms. What does not wait may be as much as this ahead of the rate. */
const MOST_HURRIED = 1000;
/** The ranks of classes: strict ones are above, by priority. */
const BY_WEIGHT = 0;
const BELOW_MINIMUM = 1;
/** A delay is the mean of about so many frames. */
const DELAY_FRAMES = 16;

export class Shaper implements Judge {
  readonly store: FrameStore;
  /** One word: when to try again, ms; Infinity = when something comes. */
  readonly wakeAt = new Float64Array(1);
  /** Frames that were dropped since this was last set to 0: the queue was full, or they waited too long. */
  full = 0;
  late = 0;
  /** Settings of all ports, see qos_table.ts, and where those of this one begin. */
  private settings: Float64Array;
  private own = 0;
  private classes = 0;
  /** Where its state begins in the slab, in numbers of 64 bits. */
  private state = 0;
  private readonly flows: FlowQueues;
  /** From when on a rate counts for the frame that leaves, ms. */
  readonly since = new Float64Array(1);
  /** By what right the class of the last `pick` goes. */
  private rank = BY_WEIGHT;

  constructor(slab: Slab, settings: Float64Array) {
    this.store = new FrameStore(slab);
    this.settings = settings;
    this.flows = new FlowQueues(this.store, this);
  }

  /** Other settings are in force. */
  load(settings: Float64Array): void {
    this.settings = settings;
  }

  /** Looks at the port whose region is `at` entries into the slab, and whose settings begin at word `own`. */
  select(slab: Slab, at: number, own: number): void {
    this.store.select(slab, at);
    this.state = at * ENTRY_FLOATS;
    this.own = own;
    this.classes = this.settings[own + QOS.classes];
  }

  get isEmpty(): boolean {
    return this.held === 0;
  }

  /** Frames that wait. */
  get held(): number {
    const { words, header } = this.store;
    return words[header + HELD];
  }

  /** What a frame counts as. */
  wireOf(frame: number): number {
    return this.store.words[frame * ENTRY_WORDS + ENTRY.wire];
  }

  framesOf(c: number): number {
    return this.store.words[this.intsOf(c) + FRAMES];
  }

  bytesOf(c: number): number {
    return this.store.words[this.intsOf(c) + BYTES];
  }

  /** @param what of TALLY */
  tally(c: number, what: number): number {
    return this.store.floats[this.timesOf(c) + what];
  }

  /** The worker that gives frames on, counted from 1; 0 = none has to. */
  get server(): number {
    const { words, header } = this.store;
    return words[header + SERVER];
  }

  set server(worker: number) {
    const { words, header } = this.store;
    words[header + SERVER] = worker;
  }

  /** Bytes that a frame is charged beyond its own. */
  get overhead(): number {
    return this.settings[this.own + QOS.overhead];
  }

  /** Whether the port could send at once, whatever waits. */
  isOpen(clock: Float64Array): boolean {
    return this.store.floats[this.state + NEXT] <= clock[0];
  }

  /** Whether a frame of the class may leave right away: nothing waits, and both rates allow it. */
  mayPass(c: number, clock: Float64Array): boolean {
    const { state, store } = this;
    const { floats } = store;
    if (floats[state + NEXT] > clock[0] || floats[this.timesOf(c) + TALLY.maxNext] > clock[0]) return false;
    return this.held === 0;
  }

  /** Whether what does not wait may pass: others wait for it instead. */
  mayHurry(clock: Float64Array): boolean {
    return this.store.floats[this.state + NEXT] < clock[0] + MOST_HURRIED;
  }

  /** A frame of the class passes: what it costs. */
  pass(c: number, wire: number, clock: Float64Array): void {
    this.rank = BY_WEIGHT;
    this.catchUp(c);
    this.since[0] = clock[0] - this.settings[this.own + QOS.burst];
    this.charge(c, wire);
  }

  /** ms that `wire` bytes take: at the port's rate, or the ceiling of the class. */
  timeOf(c: number, wire: number): number {
    const { settings, own } = this;
    return wire * Math.max(settings[own + QOS.cost], settings[own + classAt(c) + CLASS.maxCost]);
  }

  /**
   * Room for a frame of `length` bytes that counts as `wire`; 0 = its queue is full. Of a fair class the flow that fills the
   * queue makes room.
   */
  take(c: number, length: number, wire: number): number {
    const { settings, own, store } = this;
    const { words } = store;
    const at = this.intsOf(c);
    const limit = settings[own + classAt(c) + CLASS.limit];
    const queues = this.flowsOf(c);
    while (words[at + BYTES] + wire > limit && words[at + FRAMES] > 0) {
      if (queues === null || !this.makeRoom(queues)) return this.refuse(c);
    }
    let frame = store.take(length);
    while (frame === 0) {
      if (queues === null || !this.makeRoom(queues)) return this.refuse(c);
      frame = store.take(length);
    }
    words[frame * ENTRY_WORDS + ENTRY.class] = c;
    words[frame * ENTRY_WORDS + ENTRY.wire] = wire;
    words[frame * ENTRY_WORDS + ENTRY.length] = length;
    return frame;
  }

  /** Puts what `take` gave into its queue. The caller has filled it. */
  push(frame: number, clock: Float64Array): void {
    const { words, floats, header } = this.store;
    const c = words[frame * ENTRY_WORDS + ENTRY.class];
    const at = this.intsOf(c);
    floats[frame * ENTRY_FLOATS + ENTRY_TIME] = clock[0];
    if (words[at + FRAMES] === 0) this.catchUp(c);
    words[header + HELD] += 1;
    words[at + FRAMES] += 1;
    words[at + BYTES] += words[frame * ENTRY_WORDS + ENTRY.wire];
    const queues = this.flowsOf(c);
    if (queues !== null) {
      queues.push(frame);
      return;
    }
    words[frame * ENTRY_WORDS + ENTRY.next] = 0;
    if (words[at + HEAD] === 0) words[at + HEAD] = frame;
    else words[words[at + TAIL] * ENTRY_WORDS + ENTRY.next] = frame;
    words[at + TAIL] = frame;
  }

  /** The frame that leaves now, to be released by the caller; 0 = none, and `wakeAt` says when to ask again. */
  pop(clock: Float64Array): number {
    const { words, floats } = this.store;
    for (let c = this.pick(clock); c >= 0; c = this.pick(clock)) {
      const queues = this.flowsOf(c);
      const frame = queues === null ? this.shift(c, clock) : queues.pop(clock);
      if (frame === 0) continue; // all of it was too late
      this.leave(frame);
      const came = floats[frame * ENTRY_FLOATS + ENTRY_TIME];
      this.since[0] = Math.max(
        Math.min(came, clock[0] - this.settings[this.own + QOS.burst]),
        clock[0] - this.settings[this.own + QOS.catchUp],
      );
      this.charge(c, words[frame * ENTRY_WORDS + ENTRY.wire]);
      const at = this.timesOf(c) + TALLY.delay;
      floats[at] += (clock[0] - came - floats[at]) / DELAY_FRAMES;
      return frame;
    }
    return 0;
  }

  /** Any frame, whatever the rates say: for who clears the queues. 0 = there is none. */
  popAny(): number {
    for (let c = 0; c < this.classes; c++) {
      const queues = this.flowsOf(c);
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
    const { settings, own, state, wakeAt } = this;
    const { words, floats } = this.store;
    let best = -1;
    let bestRank = -1;
    wakeAt[0] = Number.POSITIVE_INFINITY;
    const isOpen = floats[state + NEXT] <= clock[0];
    for (let c = 0; c < this.classes; c++) {
      const at = this.timesOf(c);
      if (words[2 * at + FRAMES] === 0) continue;
      if (floats[at + TALLY.maxNext] > clock[0] || !isOpen) {
        wakeAt[0] = Math.min(wakeAt[0], Math.max(floats[state + NEXT], floats[at + TALLY.maxNext]));
        continue;
      }
      const its = own + classAt(c);
      let rank = settings[its + CLASS.priority];
      if (rank > 0) rank += BELOW_MINIMUM;
      else if (settings[its + CLASS.minCost] > 0 && floats[at + TALLY.minNext] <= clock[0])
        rank = BELOW_MINIMUM;
      const isBehind =
        rank === bestRank && floats[at + TALLY.virtual] < floats[this.timesOf(best) + TALLY.virtual];
      if (rank > bestRank || isBehind) {
        best = c;
        bestRank = rank;
      }
    }
    this.rank = bestRank;
    return best;
  }

  private charge(c: number, wire: number): void {
    const { settings, own, state } = this;
    const { floats } = this.store;
    const since = this.since[0];
    const at = this.timesOf(c);
    const its = own + classAt(c);
    floats[state + NEXT] = Math.max(floats[state + NEXT], since) + wire * settings[own + QOS.cost];
    if (settings[its + CLASS.minCost] > 0)
      floats[at + TALLY.minNext] =
        Math.max(floats[at + TALLY.minNext], since) + wire * settings[its + CLASS.minCost];
    if (settings[its + CLASS.maxCost] > 0)
      floats[at + TALLY.maxNext] =
        Math.max(floats[at + TALLY.maxNext], since) + wire * settings[its + CLASS.maxCost];
    const virtual = floats[at + TALLY.virtual];
    const after = virtual + wire / settings[its + CLASS.weight];
    const now = state + VIRTUAL_NOW;
    if (this.rank === BY_WEIGHT) floats[now] = Math.max(floats[now], virtual);
    floats[at + TALLY.virtual] =
      this.rank === BY_WEIGHT ? after : Math.max(virtual, Math.min(after, floats[now] + MOST_AHEAD));
    floats[at + TALLY.sentFrames] += 1;
    floats[at + TALLY.sentBytes] += wire;
  }

  /** Who had nothing to send has saved nothing up. */
  private catchUp(c: number): void {
    const { floats } = this.store;
    const at = this.timesOf(c) + TALLY.virtual;
    floats[at] = Math.max(floats[at], floats[this.state + VIRTUAL_NOW]);
  }

  /** The oldest frame of a FIFO that has not waited too long. */
  private shift(c: number, clock: Float64Array): number {
    const latest = clock[0] - this.settings[this.own + classAt(c) + CLASS.maxAge];
    for (;;) {
      const frame = this.shiftAny(c);
      if (frame === 0 || this.store.floats[frame * ENTRY_FLOATS + ENTRY_TIME] >= latest) return frame;
      this.drop(frame);
    }
  }

  private shiftAny(c: number): number {
    const { words } = this.store;
    const at = this.intsOf(c) + HEAD;
    const frame = words[at];
    if (frame !== 0) words[at] = words[frame * ENTRY_WORDS + ENTRY.next];
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
    const { words, header } = this.store;
    const at = this.intsOf(words[frame * ENTRY_WORDS + ENTRY.class]);
    words[header + HELD] -= 1;
    words[at + FRAMES] -= 1;
    words[at + BYTES] -= words[frame * ENTRY_WORDS + ENTRY.wire];
  }

  private count(c: number, what: number): void {
    this.store.floats[this.timesOf(c) + what] += 1;
  }

  private timesOf(c: number): number {
    return this.state + FIRST_CLASS + c * CLASS_FLOATS;
  }

  private intsOf(c: number): number {
    return 2 * this.timesOf(c);
  }

  /** Who has queues of their own in the class of a frame that `take` gave room: see FAIR. */
  fairnessOf(frame: number): number {
    const c = this.store.words[frame * ENTRY_WORDS + ENTRY.class];
    return this.settings[this.own + classAt(c) + CLASS.fair];
  }

  /** The queues of its flows; null = it is a FIFO. */
  private flowsOf(c: number): FlowQueues | null {
    const { flows } = this;
    const at = this.store.words[this.intsOf(c) + FLOWS];
    if (at === 0) return null;
    flows.select(at, this.settings, this.own + classAt(c) + CLASS.target);
    return flows;
  }
}
