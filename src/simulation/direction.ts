// One direction of a cable in a simulation: it has a delay, a rate and faults of its own.
//
//   end -- rate: one frame after the other --> loss, corruption, duplicates, reordering -- latency, jitter --> end
//
// Times are whole nanoseconds, so that sums are exact.

import { Random } from './random.ts';

/** What a link is like. Probabilities are from 0 to 1. */
export interface LinkOptions {
  /** ms, at least 0.001, which is 200 m of cable and the default. */
  latency?: number;
  /** Bit/s; default: frames take no time. */
  rate?: number;
  /** ms that a frame waits for the line at most; who would wait longer is dropped. Default 50. */
  queue?: number;
  /** ms by which frames are later, at random; they stay in order. Default 0. */
  jitter?: number;
  /** Probability that a frame is lost. */
  loss?: number;
  /** That it arrives twice. */
  duplicate?: number;
  /** That one bit of it is another one; no check sequence finds that. */
  corrupt?: number;
  /** That it arrives `reorderBy` later, behind others. */
  reorder?: number;
  /** ms, default 1. */
  reorderBy?: number;
}

/** Of one direction, in frames. */
export interface LinkCounters {
  sent: number;
  arrived: number;
  lost: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
  /** That found the line busy for too long. */
  overrun: number;
}

/** ns in a ms. */
export const NS = 1_000_000;
const LEAST_LATENCY = 0.001;
/** What a frame takes on the line beside its bytes: preamble, check sequence and gap, IEEE 802.3 clauses 3 and 4. */
const FRAME_OVERHEAD = 8 + 4 + 12;
const LEAST_FRAME = 60;

/** One end's way to the other. */
export class Direction {
  readonly counters: LinkCounters = {
    sent: 0,
    arrived: 0,
    lost: 0,
    duplicated: 0,
    corrupted: 0,
    reordered: 0,
    overrun: 0,
  };
  isCut = false;
  private options: Required<Omit<LinkOptions, 'rate'>> & { rate?: number };
  private readonly name: string;
  private readonly random: Random;
  /** Calls back when a frame has arrived. */
  private readonly carry: (at: number, bytes: Uint8Array) => void;
  /** When the line is free, and when the last frame arrives; ns. */
  private freeAt = 0;
  private lastAt = 0;

  /** `carry`: takes a frame that arrives at `at`, ns. */
  constructor(
    seed: number,
    name: string,
    options: LinkOptions,
    carry: (at: number, bytes: Uint8Array) => void,
  ) {
    this.name = name;
    this.random = new Random(seed, name);
    this.options = checked(name, options);
    this.carry = carry;
  }

  change(options: LinkOptions): void {
    this.options = checked(this.name, options);
  }

  /** `now`: ns. */
  send(now: number, bytes: Uint8Array): void {
    const { options, random, counters } = this;
    counters.sent++;
    const departure = this.depart(now, bytes.length);
    if (departure === undefined) {
      counters.overrun++;
      return;
    }
    if (this.isCut || random.happens(options.loss)) {
      counters.lost++;
      return;
    }
    let whole = bytes;
    if (random.happens(options.corrupt)) {
      counters.corrupted++;
      whole = this.flip(bytes);
    }
    const copies = random.happens(options.duplicate) ? 2 : 1;
    counters.duplicated += copies - 1;
    for (let n = 0; n < copies; n++) this.carry(this.arrival(departure), whole);
  }

  /** When its last bit is on the line; undefined: it would wait for too long. */
  private depart(now: number, length: number): number | undefined {
    const { rate, queue } = this.options;
    if (rate === undefined) return now;
    const begin = Math.max(now, this.freeAt);
    if (begin - now > queue * NS) return undefined;
    const bits = (Math.max(length, LEAST_FRAME) + FRAME_OVERHEAD) * 8;
    this.freeAt = begin + Math.round((bits * 1e9) / rate);
    return this.freeAt;
  }

  private arrival(departure: number): number {
    const { latency, jitter, reorder, reorderBy } = this.options;
    const late = jitter > 0 ? this.random.fraction() * jitter : 0;
    const at = departure + Math.round((latency + late) * NS);
    if (this.random.happens(reorder)) {
      this.counters.reordered++;
      return at + Math.round(reorderBy * NS);
    }
    this.lastAt = Math.max(this.lastAt, at);
    return this.lastAt;
  }

  private flip(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes);
    if (copy.length > 0) copy[this.random.below(copy.length)] ^= 1 << this.random.below(8);
    return copy;
  }
}

function checked(
  name: string,
  {
    latency = LEAST_LATENCY,
    rate,
    queue = 50,
    jitter = 0,
    loss = 0,
    duplicate = 0,
    corrupt = 0,
    reorder = 0,
    reorderBy = 1,
  }: LinkOptions,
): Required<Omit<LinkOptions, 'rate'>> & { rate?: number } {
  const probabilities = { loss, duplicate, corrupt, reorder };
  for (const [key, value] of Object.entries(probabilities))
    if (!(value >= 0 && value <= 1))
      throw new RangeError(`Link ${name}: ${key} is ${value}, not a probability (0-1)`);
  for (const [key, value] of Object.entries({ queue, jitter, reorderBy }))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new RangeError(`Link ${name}: ${key} is ${value}, not a time in ms`);
  if (!(latency >= LEAST_LATENCY && Number.isFinite(latency)))
    throw new RangeError(
      `Link ${name}: latency is ${latency} ms, at least ${LEAST_LATENCY} ms: nothing arrives at once`,
    );
  if (rate !== undefined && !(rate > 0 && Number.isFinite(rate)))
    throw new RangeError(`Link ${name}: rate is ${rate}, not a number of bit/s`);
  return { latency, rate, queue, jitter, reorderBy, ...probabilities };
}
