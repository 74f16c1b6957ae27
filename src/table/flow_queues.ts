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
const INTS = LISTS + 8;

// Times of a flow, ms.
const FIRST_ABOVE = 0;
const DROP_NEXT = 1;
const TIMES = 2;

/** Bytes of memory of one class. */
export const FLOW_BYTES = ((INTS * 4 + 7) & -8) + ROWS * TIMES * 8;

/** What becomes of frames that CoDel picks. */
export interface Judge {
  /** Marks the frame; false = its sender would not understand, and it is dropped. */
  mark(frame: number): boolean;
  /** The frame has left the queue, and goes no further. */
  drop(frame: number): void;
}

export class FlowQueues {
  private readonly ints: Int32Array;
  private readonly times: Float64Array;
  private readonly store: FrameStore;
  private readonly judge: Judge;
  /** ms. In an array: fractions in fields are heap objects when they change. */
  private readonly parameters = new Float64Array(2);
  /** What `look` found: whether the head of the flow has waited too long. */
  private isLate = false;

  constructor(memory: SharedArrayBuffer, at: number, store: FrameStore, judge: Judge) {
    this.ints = new Int32Array(memory, at, INTS);
    this.times = new Float64Array(memory, at + ((INTS * 4 + 7) & -8), ROWS * TIMES);
    this.store = store;
    this.judge = judge;
  }

  configure(target: number, interval: number): void {
    this.parameters[0] = target;
    this.parameters[1] = interval;
  }

  push(frame: number): void {
    const { ints, store } = this;
    const flow = 1 + (store.words[frame * ENTRY_WORDS + ENTRY.flow] & (FLOWS - 1));
    const at = flow * FLOW_WORDS;
    store.words[frame * ENTRY_WORDS + ENTRY.next] = 0;
    if (ints[at + HEAD] === 0) ints[at + HEAD] = frame;
    else store.words[ints[at + TAIL] * ENTRY_WORDS + ENTRY.next] = frame;
    ints[at + TAIL] = frame;
    ints[at + BYTES] += store.words[frame * ENTRY_WORDS + ENTRY.wire];
    if (ints[at + LIST] !== 0) return;
    ints[at + DEFICIT] = QUANTUM;
    this.append(NEW, flow);
  }

  /** The next frame, 0 = there is none. `clock[0]` is now, ms. */
  pop(clock: Float64Array): number {
    const { ints } = this;
    for (;;) {
      const list = ints[LISTS + 2 * NEW] !== 0 ? NEW : OLD;
      const flow = ints[LISTS + 2 * list];
      if (flow === 0) return 0;
      const at = flow * FLOW_WORDS;
      if (ints[at + DEFICIT] <= 0) {
        ints[at + DEFICIT] += QUANTUM;
        this.shift(list);
        this.append(OLD, flow);
        continue;
      }
      const frame = this.dequeue(flow, clock);
      if (frame !== 0) {
        ints[at + DEFICIT] -= this.store.words[frame * ENTRY_WORDS + ENTRY.wire];
        return frame;
      }
      // A new flow that is empty has to wait for the old ones once, or it would always be new (RFC 8290, 4.2).
      this.shift(list);
      if (list === NEW && ints[LISTS + 2 * OLD] !== 0) this.append(OLD, flow);
    }
  }

  /** Takes the oldest frame of the flow that has the most: who fills the queue pays. 0 = all are empty. */
  takeFromFattest(): number {
    const { ints } = this;
    let fattest = 0;
    let most = 0;
    for (let flow = 1; flow <= FLOWS; flow++) {
      if (ints[flow * FLOW_WORDS + BYTES] <= most) continue;
      most = ints[flow * FLOW_WORDS + BYTES];
      fattest = flow;
    }
    return fattest === 0 ? 0 : this.takeHead(fattest);
  }

  /** CoDel, RFC 8289 section 5.5. */
  private dequeue(flow: number, clock: Float64Array): number {
    const { ints, times, judge } = this;
    const at = flow * FLOW_WORDS;
    const t = flow * TIMES;
    let frame = this.look(flow, clock);
    if (ints[at + DROPPING] !== 0) {
      if (!this.isLate) ints[at + DROPPING] = 0;
      while (ints[at + DROPPING] !== 0 && clock[0] >= times[t + DROP_NEXT]) {
        ints[at + COUNT] += 1;
        this.next(flow, times[t + DROP_NEXT]);
        if (judge.mark(frame)) return frame;
        judge.drop(frame);
        frame = this.look(flow, clock);
        if (!this.isLate) ints[at + DROPPING] = 0;
      }
      return frame;
    }
    if (!this.isLate) return frame;
    const isMarked = judge.mark(frame);
    if (!isMarked) {
      judge.drop(frame);
      frame = this.look(flow, clock);
    }
    ints[at + DROPPING] = 1;
    // Soon after the last time it goes on where it left off.
    const before = ints[at + COUNT] - ints[at + LAST_COUNT];
    const isSoon = clock[0] - times[t + DROP_NEXT] < 16 * this.parameters[1];
    ints[at + COUNT] = before > 1 && isSoon ? before : 1;
    ints[at + LAST_COUNT] = ints[at + COUNT];
    this.next(flow, clock[0]);
    return frame;
  }

  /** Takes the head of a flow, and says in `isLate` whether it is time to do something about it. */
  private look(flow: number, clock: Float64Array): number {
    const { ints, times, store, parameters } = this;
    const t = flow * TIMES;
    const frame = this.takeHead(flow);
    this.isLate = false;
    if (frame === 0) {
      times[t + FIRST_ABOVE] = 0;
      return 0;
    }
    if (
      clock[0] - store.floats[frame * ENTRY_FLOATS + ENTRY_TIME] < parameters[0] ||
      ints[flow * FLOW_WORDS + BYTES] <= MAX_FRAME
    ) {
      times[t + FIRST_ABOVE] = 0;
    } else if (times[t + FIRST_ABOVE] === 0) {
      times[t + FIRST_ABOVE] = clock[0] + parameters[1];
    } else {
      this.isLate = clock[0] >= times[t + FIRST_ABOVE];
    }
    return frame;
  }

  /** The control law: the next one follows sooner with each. */
  private next(flow: number, from: number): void {
    this.times[flow * TIMES + DROP_NEXT] =
      from + this.parameters[1] / Math.sqrt(this.ints[flow * FLOW_WORDS + COUNT]);
  }

  private takeHead(flow: number): number {
    const { ints, store } = this;
    const at = flow * FLOW_WORDS;
    const frame = ints[at + HEAD];
    if (frame === 0) return 0;
    ints[at + HEAD] = store.words[frame * ENTRY_WORDS + ENTRY.next];
    ints[at + BYTES] -= store.words[frame * ENTRY_WORDS + ENTRY.wire];
    return frame;
  }

  private append(list: number, flow: number): void {
    const { ints } = this;
    const at = LISTS + 2 * list;
    ints[flow * FLOW_WORDS + LIST] = list;
    ints[flow * FLOW_WORDS + LINK] = 0;
    if (ints[at] === 0) ints[at] = flow;
    else ints[ints[at + 1] * FLOW_WORDS + LINK] = flow;
    ints[at + 1] = flow;
  }

  /** Takes out the first flow of a list. */
  private shift(list: number): void {
    const { ints } = this;
    const flow = ints[LISTS + 2 * list];
    ints[LISTS + 2 * list] = ints[flow * FLOW_WORDS + LINK];
    ints[flow * FLOW_WORDS + LIST] = 0;
  }
}
