// What ports do a second: differences between two answers of the switch.

import type { PortStatus } from './api.ts';

interface Rates {
  readonly rx: number;
  readonly rxBits: number;
  readonly rxDrops: number;
  readonly lost: number;
  readonly tx: number;
  readonly txBits: number;
  readonly txDrops: number;
}

/** No rates for a port that is new, or whose counters began anew. */
export interface PortRates extends Partial<Rates> {
  readonly status: PortStatus;
  /** Bits received and transmitted, the newest last. */
  readonly history: readonly number[];
}

export class RateMeter {
  private readonly samples: number;
  private ports = new Map<string, PortRates>();
  private at = 0;

  /** @param samples of its history that a port keeps */
  constructor(samples = 120) {
    this.samples = samples;
  }

  /** @param at seconds of a clock that only goes forward */
  next(ports: readonly PortStatus[], at: number): PortRates[] {
    const seconds = at - this.at;
    const rates = ports.map((status): PortRates => {
      const before = this.ports.get(status.name);
      const rates = before && seconds > 0 ? ratesSince(before.status, status, seconds) : undefined;
      if (before === undefined || rates === undefined) return { status, history: [] };
      const history = [...before.history.slice(1 - this.samples), rates.rxBits + rates.txBits];
      return { status, ...rates, history };
    });
    this.ports = new Map(rates.map((port) => [port.status.name, port]));
    this.at = at;
    return rates;
  }
}

function ratesSince(before: PortStatus, now: PortStatus, seconds: number): Rates | undefined {
  const [a, b] = [before.counters, now.counters];
  const rates: Rates = {
    rx: (b.receivedFrames - a.receivedFrames) / seconds,
    rxBits: ((b.receivedBytes - a.receivedBytes) * 8) / seconds,
    rxDrops: (total(b.receiveDropped) - total(a.receiveDropped)) / seconds,
    lost: ((now.queueDropped ?? 0) - (before.queueDropped ?? 0)) / seconds,
    tx: (b.transmittedFrames - a.transmittedFrames) / seconds,
    txBits: ((b.transmittedBytes - a.transmittedBytes) * 8) / seconds,
    txDrops: (total(b.transmitDropped) - total(a.transmitDropped)) / seconds,
  };
  return Object.values(rates).some((rate) => rate < 0) ? undefined : rates;
}

export function total(drops: Record<string, number>): number {
  return Object.values(drops).reduce((sum, frames) => sum + frames, 0);
}
