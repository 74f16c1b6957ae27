// What a bench is: one question, answered by numbers with their units, and by charts. Everything else (order, output,
// files) is main.ts and report.ts.

import type { Interval } from './statistics.ts';

export interface BenchOptions {
  /** Alternating rounds of each contender. */
  rounds: number;
  /** Duration of one round of traffic, s. */
  seconds: number;
  /** For a look, or for a test: everything as short as possible, figures worth nothing. */
  quick: boolean;
  /** Only peers with one of these in their name; all if empty. */
  peers: readonly string[];
  /** Progress, for people. */
  say(line: string): void;
}

/** A number that stands for itself. */
export interface Result {
  what: string;
  value: number;
  unit: string;
  /** 95 % bootstrap interval of the value. */
  interval?: Interval;
  /** What this project promises itself; a result that misses it is printed and kept all the same. */
  expected?: Expected;
  /** The switch had time left, so the value says more about whoever made the traffic. */
  limited?: 'by the generator';
  /** What the value was made from, and what was lost on the way. */
  detail?: string;
}

/** A promise that nothing was found out about. */
export interface Unmeasured {
  what: string;
  unit: string;
  expected: Expected;
  why: string;
}

export type Expected = { atMost: number } | { atLeast: number };

/** The same work done by several contenders. */
export interface BarChart {
  /** Of the file: letters and hyphens. */
  name: string;
  what: string;
  unit: string;
  better: 'more' | 'less';
  bars: Bar[];
}

export interface Bar {
  name: string;
  median: number;
  interval: Interval;
  /** What each gave, in their order. */
  rounds?: (number | 'failed')[];
  /** CPU, losses, limits. */
  note?: string;
}

/** How something grows. */
export interface CurveChart {
  name: string;
  what: string;
  /** What grows. */
  x: string;
  unit: string;
  curves: Curve[];
}

export interface Curve {
  name: string;
  points: { x: number; median: number; interval: Interval; rounds?: number[] }[];
}

export interface Outcome {
  results: Result[];
  unmeasured?: Unmeasured[];
  bars?: BarChart[];
  curves?: CurveChart[];
  /** Sentences about what was left out. */
  notes?: string[];
}

export interface Bench {
  name: string;
  question: string;
  /** About how long it takes, s. */
  duration(options: Omit<BenchOptions, 'say'>): number;
  /** @throws Skip if something that it needs is not there */
  run(options: BenchOptions): Promise<Outcome>;
}

/** The bench cannot run here; the message says why, in a sentence. */
export class Skip extends Error {}

/** How far an end of the interval may be on the wrong side: of ratios as such, of other numbers as a part of them. */
const TOLERANCE = 0.04;

/** A number is reached when its median is, and the worse end of its interval is within 0.04 of it. */
export function isReached({ value, unit, interval, expected }: Result): boolean | undefined {
  if (expected === undefined) return undefined;
  const [low, high] = interval ?? [value, value];
  const tolerance = (wanted: number) => (unit === 'times' ? TOLERANCE : TOLERANCE * wanted);
  if ('atMost' in expected) {
    const wanted = expected.atMost;
    return value <= wanted && high <= wanted + tolerance(wanted);
  }
  const wanted = expected.atLeast;
  return value >= wanted && low >= wanted - tolerance(wanted);
}
