// Counters in shared memory: one writer, any number of readers, no locks. Each worker counts in memory of its own, and
// readers add up; only the gauges are common to all, in the first worker's memory.
//
//   | switch-wide | bridge 0 | bridge 1 | ...      | port 0 | port 1 | ...                       |
//   | SWITCH.*    | BRIDGE.* |                     | PORT.* then one counter for each drop reason |
//
// Behind them the worker has its ring of news: event_ring.ts.
//
// Two laws hold for every port between two polls (docs/architecture.md). A copy that a fault port delays is counted in
// `copies` at once, and settled when it is sent or discarded; one that waits in a shaper is `held` meanwhile.

import { DROPS } from './drops.ts';
import { EVENT_WORDS, EventRing } from './event_ring.ts';
import { MAX_PROTOCOLS } from './protocol_tunnels.ts';

/** Per-port counters. `receive` is what the switch receives from the port. */
export const PORT = {
  receivedFrames: 0,
  receivedBytes: 1,
  /** Wire segments that received GSO frames stand for; a GSO frame itself counts once above. */
  receivedSegments: 2,
  /** Frames that led to at least one egress copy. */
  forwarded: 3,
  /** Egress copies made for this port. */
  copies: 4,
  transmittedFrames: 5,
  transmittedBytes: 6,
  transmittedSegments: 7,
  /** Source addresses not learned because a limit was reached. */
  learnRefused: 8,
  /** Stations that moved to this port from another one. */
  stationMoves: 9,
  /** Addresses learned on this port now (a gauge). */
  learned: 10,
  /** 1 while the device takes frames, 0 while it is down or gone (a gauge). */
  up: 11,
  /** Frames that the switch made itself in the place of the port: answers to frames that are too big for it. */
  generated: 12,
  /** Frames of the host, sent through the port or relayed as if it had received them. */
  injected: 13,
  /** Frames that came in anew, in another domain or for a tunnel of protocols, and those that went on so, or to the host. */
  recirculated: 14,
  consumed: 15,
  /** Frames that the host was given. */
  punted: 16,
  /** Remotes learned on this port a second ago (a gauge). */
  remotes: 17,
  /** By protocol of l2cp.ts: a customer's control frames that came in through the port for a tunnel, and that left one through it. */
  encapsulated: 18,
  decapsulated: 18 + MAX_PROTOCOLS,
  /** Copies that wait in a shaper now. Each worker counts those that it put in and took out: their sum says how many there are. */
  held: 18 + 2 * MAX_PROTOCOLS,
  drops: 19 + 2 * MAX_PROTOCOLS,
} as const;
const PORT_WORDS = PORT.drops + DROPS.length;
/** Distance between two ports, in Float64 words: whole cache lines. */
export const PORT_STRIDE = Math.ceil(PORT_WORDS / 8) * 8;

/** Most bridges of one switch: their counters are preallocated. */
export const MAX_BRIDGES = 4096;

export const BRIDGE = {
  /** Learned entries now (a gauge); static ones are not counted. */
  learned: 0,
} as const;
export const BRIDGE_STRIDE = 8;

/** Upper bounds of the poll-gap histogram, in seconds. */
export const POLL_GAP_BOUNDS = [
  0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
] as const;

/** Upper bounds of the poll-frames histogram: powers of two up to the batch; trains of datagrams may go beyond. */
export const POLL_FRAMES_BOUNDS = [1, 2, 4, 8, 16, 32, 64] as const;

const POLL_FRAMES_SUM = 3 + POLL_GAP_BOUNDS.length + 1;
export const SWITCH = {
  polls: 0,
  /** Sum and maximum of poll gaps in seconds, then one count per bound and one beyond the last. */
  pollGapSum: 1,
  pollGapMax: 2,
  pollGapCounts: 3,
  /** Frames of the polls that brought any, then one count per bound and one beyond the last. */
  pollFramesSum: POLL_FRAMES_SUM,
  pollFramesCounts: POLL_FRAMES_SUM + 1,
} as const;
const SWITCH_WORDS = Math.ceil((SWITCH.pollFramesCounts + POLL_FRAMES_BOUNDS.length + 1) / 8) * 8;

export class Counters {
  readonly memory: ArrayBufferLike;
  readonly values: Float64Array;
  /** Where the gauges are, at the same places as in `values`; the same array if there is one worker. */
  readonly gauges: Float64Array;
  readonly maxBridges: number;
  readonly drops: Drops;
  /** What the worker tells of stations, as words and to write. */
  readonly eventWords: Int32Array;
  readonly events: EventRing;
  private readonly portsAt: number;

  /** A view over `memory`, which `Counters.allocate` made with the same limits, as `gauges` was, the first worker's. */
  constructor(memory: ArrayBufferLike, maxBridges: number, gauges = memory) {
    this.memory = memory;
    const words = memory.byteLength / 8 - EVENT_WORDS / 2;
    this.values = new Float64Array(memory, 0, words);
    this.eventWords = new Int32Array(memory, words * 8, EVENT_WORDS);
    this.events = new EventRing(this.eventWords);
    this.gauges = gauges === memory ? this.values : new Float64Array(gauges, 0, words);
    this.maxBridges = maxBridges;
    this.drops = new Drops(this);
    this.portsAt = SWITCH_WORDS + maxBridges * BRIDGE_STRIDE;
  }

  static allocate(maxPorts: number, maxBridges: number): Counters {
    const words = SWITCH_WORDS + maxBridges * BRIDGE_STRIDE + maxPorts * PORT_STRIDE;
    return new Counters(new SharedArrayBuffer(words * 8 + EVENT_WORDS * 4), maxBridges);
  }

  /** Index in `values` of the port's first counter. */
  port(port: number): number {
    return this.portsAt + port * PORT_STRIDE;
  }

  bridge(bridge: number): number {
    return SWITCH_WORDS + bridge * BRIDGE_STRIDE;
  }

  clearPort(port: number): void {
    const at = this.port(port);
    this.values.fill(0, at, at + PORT_STRIDE);
  }

  /** Whether the port's device takes frames. Looks first: workers that store the same would fight for the cache line. */
  setUp(port: number, up: 0 | 1): void {
    const at = this.port(port) + PORT.up;
    if (this.gauges[at] !== up) this.gauges[at] = up;
  }

  isUp(port: number): boolean {
    return this.gauges[this.port(port) + PORT.up] === 1;
  }
}

/** Is told of every drop. `row` is -1 where the bytes are no longer known. */
export interface DropPass {
  dropped(row: number, port: number, code: number): void;
}

/** The one place where drops are counted, of frames and of copies. */
export class Drops {
  readonly passes: DropPass[] = [];
  private readonly counters: Counters;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  count(row: number, port: number, code: number): void {
    this.counters.values[this.counters.port(port) + PORT.drops + code] += 1;
    for (let n = 0; n < this.passes.length; n++) this.passes[n].dropped(row, port, code);
  }
}
