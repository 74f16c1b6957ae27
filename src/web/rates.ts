// What ports did a second, from two answers of the switch. Time is the daemon's own: how late an answer comes does not
// matter.

import type { PortStatus } from '../api.ts';
import type { SwitchStatus } from './answers.ts';

/** Looks that a port's line shows. */
export const HISTORY = 60;

/** Each a second. */
export interface Rate {
  receivedFrames: number;
  receivedBits: number;
  transmittedFrames: number;
  transmittedBits: number;
  dropped: number;
}

export const STILL: Rate = {
  receivedFrames: 0,
  receivedBits: 0,
  transmittedFrames: 0,
  transmittedBits: 0,
  dropped: 0,
};

export class Rates {
  private before: SwitchStatus | undefined;
  private readonly histories = new Map<string, number[]>();

  /** By port. None for a port that is new, or whose counters began anew. */
  update(now: SwitchStatus): Map<string, Rate> {
    const { before } = this;
    this.before = now;
    const rates = new Map<string, Rate>();
    const seconds = before?.pid === now.pid ? now.uptimeSeconds - before.uptimeSeconds : 0;
    const old = new Map(before?.ports.map((port) => [port.name, port]));
    for (const port of now.ports) {
      const earlier = old.get(port.name);
      const rate = earlier && seconds > 0 ? rateOf(earlier, port, seconds) : undefined;
      if (rate === undefined) this.histories.delete(port.name);
      else {
        rates.set(port.name, rate);
        this.remember(port.name, rate.receivedBits + rate.transmittedBits);
      }
    }
    const present = new Set(now.ports.map(({ name }) => name));
    for (const name of this.histories.keys()) if (!present.has(name)) this.histories.delete(name);
    return rates;
  }

  /** Bits a second, in and out, of the last looks; oldest first. */
  history(port: string): readonly number[] {
    return this.histories.get(port) ?? [];
  }

  private remember(port: string, bits: number): void {
    const history = this.histories.get(port) ?? [];
    this.histories.set(port, [...history.slice(1 - HISTORY), bits]);
  }
}

/**
 * Frames that the switch dropped. Those that the kernel lost before have no rate: their number is that of a look some
 * seconds ago, and comes in jumps.
 */
export function droppedBy({ counters }: PortStatus): number {
  const reasons = [...Object.values(counters.receiveDropped), ...Object.values(counters.transmitDropped)];
  return reasons.reduce((sum, frames) => sum + frames, 0);
}

function rateOf(before: PortStatus, now: PortStatus, seconds: number): Rate | undefined {
  const [a, b] = [before.counters, now.counters];
  const rate: Rate = {
    receivedFrames: (b.receivedFrames - a.receivedFrames) / seconds,
    receivedBits: ((b.receivedBytes - a.receivedBytes) * 8) / seconds,
    transmittedFrames: (b.transmittedFrames - a.transmittedFrames) / seconds,
    transmittedBits: ((b.transmittedBytes - a.transmittedBytes) * 8) / seconds,
    dropped: (droppedBy(now) - droppedBy(before)) / seconds,
  };
  return Object.values(rate).some((value) => value < 0) ? undefined : rate;
}

export function sumOf(rates: Iterable<Rate>): Rate {
  const sum = { ...STILL };
  for (const rate of rates) for (const key of Object.keys(sum) as (keyof Rate)[]) sum[key] += rate[key];
  return sum;
}
