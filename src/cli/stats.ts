// `taploom stats`: one table of counters, or with --watch one each second with rates.

import { setTimeout as sleep } from 'node:timers/promises';
import { RateMeter } from '../rates.ts';
import { RATE_COLUMNS, STATS_COLUMNS } from './columns.ts';
import type { Context } from './context.ts';
import { ofBridge } from './known.ts';
import { type Choice, chosen } from './list.ts';
import { formatted, listText } from './list_text.ts';

const CLEAR = '\x1b[H\x1b[2J';

interface StatsOptions extends Choice {
  watch?: boolean;
  interval: number;
  rounds?: number;
  format?: string;
}

export async function showStats(context: Context, bridge: string | undefined): Promise<void> {
  const { client, terminal, json } = context;
  const options = context.options as unknown as StatsOptions;
  const { watch = false, interval, rounds, format } = options;
  const meter = new RateMeter();
  for (let round = 1; ; round++) {
    const all = await client.stats();
    const stats = bridge === undefined ? all : ofBridge(all, bridge);
    const rates = chosen(
      meter.next(stats.ports, performance.now() / 1000),
      RATE_COLUMNS,
      watch ? options : {},
    );
    const ports = watch ? rates.map(({ status }) => status) : chosen(stats.ports, STATS_COLUMNS, options);
    if (json) {
      terminal.out(`${JSON.stringify({ ...stats, ports }, null, watch ? 0 : 2)}\n`);
    } else if (format !== undefined && format !== 'table') {
      const isFirst = round === 1;
      const text = watch
        ? formatted(rates, RATE_COLUMNS, format, isFirst)
        : formatted(ports, STATS_COLUMNS, format, isFirst);
      terminal.out(text);
    } else if (watch) {
      const between = terminal.isTerminal ? CLEAR : round > 1 ? '\n' : '';
      terminal.out(between + listText(rates, RATE_COLUMNS, terminal.columns, 'no ports'));
    } else {
      terminal.out(listText(ports, STATS_COLUMNS, terminal.columns, 'no ports'));
    }
    if (!watch || (rounds !== undefined && round >= rounds)) return;
    await sleep(interval * 1000);
  }
}
