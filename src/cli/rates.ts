// What ports do per second: differences between two answers of the daemon.

import type { PortStatus } from '../api.ts';

/** Samples of its history that a port keeps. */
const HISTORY = 120;

/** Per second; undefined without an answer before. */
export interface PortRates {
  readonly status: PortStatus;
  readonly rx?: number;
  readonly rxBits?: number;
  readonly rxDrops?: number;
  readonly lost?: number;
  readonly tx?: number;
  readonly txBits?: number;
  readonly txDrops?: number;
  /** Bits received and transmitted, the newest last. */
  readonly history: readonly number[];
}

export class RateMeter {
  private ports = new Map<string, PortRates>();
  private at = 0;

  /** @param at seconds of a clock that only goes forward */
  next(ports: readonly PortStatus[], at: number): PortRates[] {
    const seconds = at - this.at;
    const rates = ports.map((status) => {
      const before = this.ports.get(status.name);
      return before === undefined ? { status, history: [] } : ratesSince(before, status, seconds);
    });
    this.ports = new Map(rates.map((port) => [port.status.name, port]));
    this.at = at;
    return rates;
  }
}

function ratesSince(before: PortRates, status: PortStatus, seconds: number): PortRates {
  const [now, old] = [status.counters, before.status.counters];
  // a port that was removed and made again starts from zero
  const rate = (to: number, from: number) => Math.max(0, to - from) / seconds;
  const rxBits = rate(now.receivedBytes, old.receivedBytes) * 8;
  const txBits = rate(now.transmittedBytes, old.transmittedBytes) * 8;
  return {
    status,
    rx: rate(now.receivedFrames, old.receivedFrames),
    rxBits,
    rxDrops: rate(total(now.receiveDropped), total(old.receiveDropped)),
    lost: rate(status.queueDropped ?? 0, before.status.queueDropped ?? 0),
    tx: rate(now.transmittedFrames, old.transmittedFrames),
    txBits,
    txDrops: rate(total(now.transmitDropped), total(old.transmitDropped)),
    history: [...before.history.slice(1 - HISTORY), rxBits + txBits],
  };
}

export function total(drops: Record<string, number>): number {
  return Object.values(drops).reduce((sum, frames) => sum + frames, 0);
}
