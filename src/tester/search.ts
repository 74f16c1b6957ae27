// The two binary searches of RFC 2544 and RFC 2889: the highest rate, and the largest number, that a switch stands.
// They know nothing of frames; `attempt` makes one trial.

export interface RateTrial {
  /** Whether the switch stood it. */
  ok: boolean;
  /** The rate that was really offered, which may be less than was asked for. */
  offered: number;
}

export interface RateSearch<T extends RateTrial> {
  /** The trial with the highest rate that went well. */
  best?: T;
  /** The trial with the lowest rate that did not. */
  failed?: T;
  trials: T[];
  /** What kept the answer from being higher. */
  limit: 'switch' | 'generator' | 'rate';
}

/** Below this a rate is nothing, frames a second. */
const NOTHING = 50;
/** A generator that offers less than this share of what it should is behind ... */
const KEPT_UP = 0.95;
/** ... and at its end if it is so often in a row: once may be the mood of the machine. */
const PATIENCE = 3;

/**
 * Highest rate at which `attempt` succeeds, within `resolution` (0.01 = 1 %). Starts at `top`, as RFC 2544 does; if that
 * goes well, `topIs` says why there is nothing above.
 */
export async function searchRate<T extends RateTrial>(
  { top, resolution, topIs }: { top: number; resolution: number; topIs: 'generator' | 'rate' },
  attempt: (rate: number) => Promise<T>,
): Promise<RateSearch<T>> {
  const search: RateSearch<T> = { trials: [], limit: 'switch' };
  let low = 0;
  let high = top;
  let behind = 0;
  for (let rate = top; rate >= NOTHING; ) {
    const trial = await attempt(rate);
    search.trials.push(trial);
    if (!trial.ok) {
      search.failed = trial;
      // what was offered was too much already
      high = Math.max(low, Math.min(rate, trial.offered));
    } else {
      if (search.best === undefined || trial.offered > search.best.offered) search.best = trial;
      const keptUp = trial.offered >= KEPT_UP * rate;
      // Nearer to what was known than to what was asked: so the search would go on and on.
      const isNews = trial.offered > (low + rate) / 2;
      low = Math.max(low, trial.offered);
      behind = keptUp && isNews ? 0 : behind + 1;
      // One that kept up has seen the switch fail a little above.
      if (behind === PATIENCE) return keptUp ? search : { ...search, limit: 'generator' };
      if (behind > 0) continue;
      if (rate === top) return { ...search, limit: topIs };
    }
    if (high - low <= resolution * high) return search;
    rate = (low + high) / 2;
  }
  return search;
}

export interface NumberSearch<T> {
  /** 0: not even one. */
  largest: number;
  /** The most that was tried went well, so there may be more. */
  atLeast: boolean;
  trials: T[];
}

/** Largest number between 1 and `top` at which `attempt` succeeds. */
export async function searchNumber<T extends { ok: boolean }>(
  top: number,
  attempt: (number: number) => Promise<T>,
): Promise<NumberSearch<T>> {
  const trials: T[] = [];
  let low = 0;
  let high = top + 1;
  for (let number = top; high - low > 1; number = Math.floor((low + high) / 2)) {
    const trial = await attempt(number);
    trials.push(trial);
    if (trial.ok) low = number;
    else high = number;
  }
  return { largest: low, atLeast: low === top, trials };
}
