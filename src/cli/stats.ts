// `taploom stats`: one table of counters, or with --watch one each second with rates.

import { setTimeout as sleep } from 'node:timers/promises';
import type { PortCounters, PortStatus } from '../api.ts';
import type { Stats } from '../control/client.ts';
import type { Context } from './commands.ts';
import { table } from './table.ts';

const CLEAR = '\x1b[H\x1b[2J';

export async function showStats(context: Context, bridge: string | undefined): Promise<void> {
  const { client, terminal, json } = context;
  const { watch, interval, rounds } = context.options as {
    watch?: boolean;
    interval: number;
    rounds?: number;
  };
  let before: Sample | undefined;
  for (let round = 1; ; round++) {
    const now = sample(await client.stats(), bridge);
    if (json) terminal.out(`${JSON.stringify(now.stats, null, watch ? 0 : 2)}\n`);
    else if (!watch) terminal.out(countersText(now.stats.ports, terminal.columns));
    else terminal.out(CLEAR + ratesText(now, before, terminal.columns));
    if (!watch || (rounds !== undefined && round >= rounds)) return;
    before = now;
    await sleep(Math.max(interval, 0.1) * 1000);
  }
}

export interface Sample {
  /** Seconds of a clock that only goes forward. */
  at: number;
  stats: Stats;
}

function sample(stats: Stats, bridge: string | undefined): Sample {
  const at = performance.now() / 1000;
  if (bridge === undefined) return { at, stats };
  return {
    at,
    stats: {
      ...stats,
      bridges: stats.bridges.filter(({ name }) => name === bridge),
      ports: stats.ports.filter((port) => port.bridge === bridge),
    },
  };
}

export function countersText(ports: readonly PortStatus[], width: number): string {
  if (ports.length === 0) return 'no ports\n';
  const rows = ports.map(({ bridge, name, state, queueDropped, counters }) => [
    bridge,
    name,
    state,
    amount(counters.receivedFrames),
    amount(counters.receivedBytes),
    amount(total(counters.receiveDropped)),
    queueDropped === undefined ? '-' : amount(queueDropped),
    amount(counters.transmittedFrames),
    amount(counters.transmittedBytes),
    amount(total(counters.transmitDropped)),
  ]);
  const head = ['BRIDGE', 'PORT', 'STATE', 'RX', 'RX BYTES', 'RX DROP', 'LOST', 'TX', 'TX BYTES', 'TX DROP'];
  return `${table(head, rows, { right: [3, 4, 5, 6, 7, 8, 9], width })}\n`;
}

/** Rates since `before`; without it, dashes. */
export function ratesText(now: Sample, before: Sample | undefined, width: number): string {
  const last = new Map(before?.stats.ports.map((port) => [port.name, port]));
  const seconds = before ? now.at - before.at : 0;
  const rows = now.stats.ports.map((port) => {
    const { bridge, name, state } = port;
    const old = last.get(name);
    const rate = (read: (counters: PortCounters, port: PortStatus) => number) => {
      if (old === undefined || seconds <= 0) return '-';
      // a port that was removed and made again starts from zero
      return si(Math.max(0, read(port.counters, port) - read(old.counters, old)) / seconds);
    };
    return [
      bridge,
      name,
      state,
      rate((c) => c.receivedFrames),
      rate((c) => c.receivedBytes * 8),
      rate((c) => total(c.receiveDropped)),
      rate((_, { queueDropped = 0 }) => queueDropped),
      rate((c) => c.transmittedFrames),
      rate((c) => c.transmittedBytes * 8),
      rate((c) => total(c.transmitDropped)),
    ];
  });
  const head = [
    'BRIDGE',
    'PORT',
    'STATE',
    'RX f/s',
    'RX bit/s',
    'DROP/s',
    'LOST/s',
    'TX f/s',
    'TX bit/s',
    'DROP/s',
  ];
  const right = [3, 4, 5, 6, 7, 8, 9];
  return `${rows.length > 0 ? table(head, rows, { right, width }) : 'no ports'}\n`;
}

function total(drops: Record<string, number>): number {
  return Object.values(drops).reduce((sum, frames) => sum + frames, 0);
}

/** Exact up to seven digits, then as `si`; `--json` is always exact. */
function amount(value: number): string {
  return value < 10_000_000 ? String(value) : si(value);
}

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** Three to four digits: 950, 12.3k, 9.41G. */
export function si(value: number): string {
  let unit = 0;
  // 999.5 would print as 1000
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return value.toFixed(digits) + UNITS[unit];
}
