// Which stations flap: they move again and again, because of a loop or of two machines with one address. A station is
// told when it begins and when it has calmed down. Bounded: the stations that have moved last are remembered.

import { LRUCache } from 'lru-cache';

/** As many moves within WINDOW_MS make a station flap. */
const MOVES = 5;
const WINDOW_MS = 10_000;
/** Without a move for so long it is calm. */
const CALM_MS = 10_000;
const STATIONS = 1000;

interface Station<T> {
  since: number;
  last: number;
  moves: number;
  isFlapping: boolean;
  where: T;
}

export interface Verdict {
  /** `quiet`: it flaps, and that was told. */
  state: 'moved' | 'flapping' | 'quiet';
  moves: number;
  seconds: number;
}

/** @typeParam T what is known of a station's last move */
export class Flapping<T> {
  private readonly stations = new LRUCache<string, Station<T>>({ max: STATIONS });
  /** Those that flap, which need looking after. */
  private readonly flapping = new Set<string>();

  moved(key: string, where: T, now: number): Verdict {
    const known = this.stations.get(key);
    const isNew = known === undefined || (!known.isFlapping && now - known.since > WINDOW_MS);
    const station = isNew ? { since: now, last: now, moves: 0, isFlapping: false, where } : known;
    station.moves += 1;
    station.last = now;
    station.where = where;
    this.stations.set(key, station);
    const seconds = Math.max(1, Math.round((now - station.since) / 1000));
    const begins = !station.isFlapping && station.moves >= MOVES;
    if (begins) {
      station.isFlapping = true;
      this.flapping.add(key);
    }
    const state = begins ? 'flapping' : station.isFlapping ? 'quiet' : 'moved';
    return { state, moves: station.moves, seconds };
  }

  /** Stations that have calmed down since the last time: their last moves. */
  calmed(now: number): T[] {
    const calm: T[] = [];
    for (const key of this.flapping) {
      const station = this.stations.peek(key);
      if (station !== undefined && now - station.last <= CALM_MS) continue;
      this.flapping.delete(key);
      this.stations.delete(key);
      if (station !== undefined) calm.push(station.where); // otherwise forgotten for more recent ones
    }
    return calm;
  }

  get isQuiet(): boolean {
    return this.flapping.size === 0;
  }
}
