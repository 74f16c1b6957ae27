// `taploom stats`: one table of counters, or with --watch one each second with rates.

import { setTimeout as sleep } from 'node:timers/promises';
import type { PortStatus } from '../api.ts';
import type { Stats } from '../control/client.ts';
import { amount, si } from './amount.ts';
import type { Context } from './commands.ts';
import { type PortRates, RateMeter, total } from './rates.ts';
import { table } from './table.ts';

const CLEAR = '\x1b[H\x1b[2J';

export async function showStats(context: Context, bridge: string | undefined): Promise<void> {
  const { client, terminal, json } = context;
  const { watch, interval, rounds } = context.options as {
    watch?: boolean;
    interval: number;
    rounds?: number;
  };
  const meter = new RateMeter();
  for (let round = 1; ; round++) {
    const stats = wanted(await client.stats(), bridge);
    const rates = meter.next(stats.ports, performance.now() / 1000);
    if (json) terminal.out(`${JSON.stringify(stats, null, watch ? 0 : 2)}\n`);
    else if (!watch) terminal.out(countersText(stats.ports, terminal.columns));
    else {
      const between = terminal.isTerminal ? CLEAR : round > 1 ? '\n' : '';
      terminal.out(between + ratesText(rates, terminal.columns));
    }
    if (!watch || (rounds !== undefined && round >= rounds)) return;
    await sleep(Math.max(interval, 0.1) * 1000);
  }
}

function wanted(stats: Stats, bridge: string | undefined): Stats {
  if (bridge === undefined) return stats;
  return {
    ...stats,
    bridges: stats.bridges.filter(({ name }) => name === bridge),
    ports: stats.ports.filter((port) => port.bridge === bridge),
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

/** Of rates that are not known yet, dashes. */
export function ratesText(ports: readonly PortRates[], width: number): string {
  if (ports.length === 0) return 'no ports\n';
  const rows = ports.map(({ status, ...rates }) => [
    status.bridge,
    status.name,
    status.state,
    ...[rates.rx, rates.rxBits, rates.rxDrops, rates.lost, rates.tx, rates.txBits, rates.txDrops].map(
      (rate) => (rate === undefined ? '-' : si(rate)),
    ),
  ]);
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
  return `${table(head, rows, { right: [3, 4, 5, 6, 7, 8, 9], width })}\n`;
}
