// A queue for each flow of a class, FQ-CoDel (RFC 8290): flows take turns by bytes, new ones first, and CoDel (RFC 8289) keeps each
// from standing: what has waited longer than `target` for an `interval` is marked or dropped, more often as long as it lasts.
//
//   flows:  new -> f -> f      a list of each kind, linked through `link`; a flow that is in none has link 0 and no frames
//           old -> f -> f
//
// Flows are counted from 1, so that memory of zeros is all idle.

import { ENTRY, ENTRY_FLOATS, ENTRY_TIME, ENTRY_WORDS, type FrameStore } from './frame_store.ts';

/** RFC 8290, 5.2.3: the default of Linux, too. */
export const FLOWS = 1024;
const ROWS = FLOWS + 1;
/** RFC 8290, 5.2.2: a full Ethernet frame. */
const QUANTUM = 1514;
/** RFC 8289, 5.4: a queue of one frame is not standing. */
const MAX_FRAME = 1514;

// Words of a flow.
const HEAD = 0;
const TAIL = 1;
const BYTES = 2;
const DEFICIT = 3;
const LINK = 4;
/** 0 = in no list. */
const LIST = 5;
const COUNT = 6;
const LAST_COUNT = 7;
const DROPPING = 8;
const FLOW_WORDS = 9;
/** Words of both lists, behind the flows. */
const LISTS = ROWS * FLOW_WORDS;
const NEW = 1;
const OLD = 2;
/** Who pays for room, for how many frames more, and what it has to have for that, bytes. */
const PAYER = LISTS + 6;
const PAYS = LISTS + 7;
const PAYS_ABOVE = LISTS + 8;
const INTS = LISTS + 10;
/** Looking for who pays takes a microsecond, so a flow pays for so many frames in a row, but not below 7/8 of what it had. */
const PAYMENTS = 16;

// Times of a flow, ms.
const FIRST_ABOVE = 0;
const DROP_NEXT = 1;
const TIMES = 2;

/** Bytes of memory of one class. */
export const FLOW_BYTES = ((INTS * 4 + 7) & -8) + ROWS * TIMES * 8;
/** Where times begin, in numbers of 64 bits behind the beginning. */
const TIMES_AT = ((INTS * 4 + 7) & -8) / 8;

/** What becomes of frames that CoDel picks. */
export interface Judge {
  /** Marks the frame; false = its sender would not understand, and it is dropped. */
  mark(frame: number): boolean;
  /** The frame has left the queue, and goes no further. */
  drop(frame: number): void;
}

export class FlowQueues {
  private readonly store: FrameStore;
  private readonly judge: Judge;
  /** ms. In an array: fractions in fields are heap objects when they change. */
  private readonly parameters = new Float64Array(2);
  /** Where the class that is looked at has its flows, in words, and their times, in numbers of 64 bits. */
  private ints = 0;
  private times = 0;
  /** What `look` found: whether the head of the flow has waited too long. */
  private isLate = false;

  constructor(store: FrameStore, judge: Judge) {
    this.store = store;
    this.judge = judge;
  }

  /** Looks at the flows of another class: their memory begins at word `at` of the slab, and its target and interval are at `targetAt`. */
  select(at: number, settings: Float64Array, targetAt: number): void {
    this.ints = at;
    this.times = (at >>> 1) + TIMES_AT;
    this.parameters[0] = settings[targetAt];
    this.parameters[1] = settings[targetAt + 1];
  }

  push(frame: number): void {
    const { ints } = this;
    const { words } = this.store;
    const flow = 1 + (words[frame * ENTRY_WORDS + ENTRY.flow] & (FLOWS - 1));
    const at = flow * FLOW_WORDS;
    words[frame * ENTRY_WORDS + ENTRY.next] = 0;
    if (words[ints + at + HEAD] === 0) words[ints + at + HEAD] = frame;
    else words[words[ints + at + TAIL] * ENTRY_WORDS + ENTRY.next] = frame;
    words[ints + at + TAIL] = frame;
    words[ints + at + BYTES] += words[frame * ENTRY_WORDS + ENTRY.wire];
    if (words[ints + at + LIST] !== 0) return;
    words[ints + at + DEFICIT] = QUANTUM;
    this.append(NEW, flow);
  }

  /** The next frame, 0 = there is none. `clock[0]` is now, ms. */
  pop(clock: Float64Array): number {
    const { ints } = this;
    const { words } = this.store;
    for (;;) {
      const list = words[ints + LISTS + 2 * NEW] !== 0 ? NEW : OLD;
      const flow = words[ints + LISTS + 2 * list];
      if (flow === 0) return 0;
      const at = flow * FLOW_WORDS;
      if (words[ints + at + DEFICIT] <= 0) {
        words[ints + at + DEFICIT] += QUANTUM;
        this.shift(list);
        this.append(OLD, flow);
        continue;
      }
      const frame = this.dequeue(flow, clock);
      if (frame !== 0) {
        words[ints + at + DEFICIT] -= words[frame * ENTRY_WORDS + ENTRY.wire];
        return frame;
      }
      // A new flow that is empty has to wait for the old ones once, or it would always be new (RFC 8290, 4.2).
      this.shift(list);
      if (list === NEW && words[ints + LISTS + 2 * OLD] !== 0) this.append(OLD, flow);
    }
  }

  /** Takes the oldest frame of the flow that has the most: who fills the queue pays. 0 = all are empty. */
  takeFromFattest(): number {
    const { ints } = this;
    const { words } = this.store;
    const payer = words[ints + PAYER];
    const isDone =
      words[ints + PAYS] === 0 || words[ints + payer * FLOW_WORDS + BYTES] < words[ints + PAYS_ABOVE];
    if (isDone && !this.findFattest()) return 0;
    words[ints + PAYS] -= 1;
    return this.takeHead(words[ints + PAYER]);
  }

  private findFattest(): boolean {
    const { ints } = this;
    const { words } = this.store;
    let fattest = 0;
    let most = 0;
    for (let flow = 1; flow <= FLOWS; flow++) {
      if (words[ints + flow * FLOW_WORDS + BYTES] <= most) continue;
      most = words[ints + flow * FLOW_WORDS + BYTES];
      fattest = flow;
    }
    words[ints + PAYER] = fattest;
    words[ints + PAYS] = fattest === 0 ? 0 : PAYMENTS;
    words[ints + PAYS_ABOVE] = most - (most >>> 3);
    return fattest !== 0;
  }

  /** CoDel, RFC 8289 section 5.5. */
  private dequeue(flow: number, clock: Float64Array): number {
    const { ints, times, judge } = this;
    const { words, floats } = this.store;
    const at = flow * FLOW_WORDS;
    const t = flow * TIMES;
    let frame = this.look(flow, clock);
    if (words[ints + at + DROPPING] !== 0) {
      if (!this.isLate) words[ints + at + DROPPING] = 0;
      while (words[ints + at + DROPPING] !== 0 && clock[0] >= floats[times + t + DROP_NEXT]) {
        words[ints + at + COUNT] += 1;
        this.next(flow, floats[times + t + DROP_NEXT]);
        if (judge.mark(frame)) return frame;
        judge.drop(frame);
        frame = this.look(flow, clock);
        if (!this.isLate) words[ints + at + DROPPING] = 0;
      }
      return frame;
    }
    if (!this.isLate) return frame;
    const isMarked = judge.mark(frame);
    if (!isMarked) {
      judge.drop(frame);
      frame = this.look(flow, clock);
    }
    words[ints + at + DROPPING] = 1;
    // Soon after the last time it goes on where it left off.
    const before = words[ints + at + COUNT] - words[ints + at + LAST_COUNT];
    const isSoon = clock[0] - floats[times + t + DROP_NEXT] < 16 * this.parameters[1];
    words[ints + at + COUNT] = before > 1 && isSoon ? before : 1;
    words[ints + at + LAST_COUNT] = words[ints + at + COUNT];
    this.next(flow, clock[0]);
    return frame;
  }

  /** Takes the head of a flow, and says in `isLate` whether it is time to do something about it. */
  private look(flow: number, clock: Float64Array): number {
    const { ints, times, store, parameters } = this;
    const { words, floats } = store;
    const t = flow * TIMES;
    const frame = this.takeHead(flow);
    this.isLate = false;
    if (frame === 0) {
      floats[times + t + FIRST_ABOVE] = 0;
      return 0;
    }
    if (
      clock[0] - floats[frame * ENTRY_FLOATS + ENTRY_TIME] < parameters[0] ||
      words[ints + flow * FLOW_WORDS + BYTES] <= MAX_FRAME
    ) {
      floats[times + t + FIRST_ABOVE] = 0;
    } else if (floats[times + t + FIRST_ABOVE] === 0) {
      floats[times + t + FIRST_ABOVE] = clock[0] + parameters[1];
    } else {
      this.isLate = clock[0] >= floats[times + t + FIRST_ABOVE];
    }
    return frame;
  }

  /** The control law: the next one follows sooner with each. */
  private next(flow: number, from: number): void {
    const { words, floats } = this.store;
    floats[this.times + flow * TIMES + DROP_NEXT] =
      from + this.parameters[1] / Math.sqrt(words[this.ints + flow * FLOW_WORDS + COUNT]);
  }

  private takeHead(flow: number): number {
    const { ints } = this;
    const { words } = this.store;
    const at = flow * FLOW_WORDS;
    const frame = words[ints + at + HEAD];
    if (frame === 0) return 0;
    words[ints + at + HEAD] = words[frame * ENTRY_WORDS + ENTRY.next];
    words[ints + at + BYTES] -= words[frame * ENTRY_WORDS + ENTRY.wire];
    return frame;
  }

  private append(list: number, flow: number): void {
    const { ints } = this;
    const { words } = this.store;
    const at = LISTS + 2 * list;
    words[ints + flow * FLOW_WORDS + LIST] = list;
    words[ints + flow * FLOW_WORDS + LINK] = 0;
    if (words[ints + at] === 0) words[ints + at] = flow;
    else words[ints + words[ints + at + 1] * FLOW_WORDS + LINK] = flow;
    words[ints + at + 1] = flow;
  }

  /** Takes out the first flow of a list. */
  private shift(list: number): void {
    const { ints } = this;
    const { words } = this.store;
    const flow = words[ints + LISTS + 2 * list];
    words[ints + LISTS + 2 * list] = words[ints + flow * FLOW_WORDS + LINK];
    words[ints + flow * FLOW_WORDS + LIST] = 0;
  }
}
