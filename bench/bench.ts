// What a bench is: one question, answered by a number with its unit. Everything else (order, output, files) is main.ts.

export interface BenchOptions {
  /** Alternating rounds of each contender. */
  rounds: number;
  /** Duration of one round of traffic, s. */
  seconds: number;
  /** Progress, for people. */
  say(line: string): void;
}

export interface Result {
  what: string;
  value: number;
  unit: string;
  /** 95 % bootstrap interval of the value. */
  interval?: [low: number, high: number];
  /** What this project promises itself; a result that misses it is printed and kept all the same. */
  expected?: { atMost: number } | { atLeast: number };
  /** What the value was made from, and what was lost on the way. */
  detail?: string;
}

export interface Bench {
  name: string;
  question: string;
  /** @throws Skip if something that it needs is not there */
  run(options: BenchOptions): Promise<Result[]>;
}

/** The bench cannot run here; the message says why, in a sentence. */
export class Skip extends Error {}

export function isReached({ value, expected }: Result): boolean | undefined {
  if (expected === undefined) return undefined;
  return 'atMost' in expected ? value <= expected.atMost : value >= expected.atLeast;
}
