// `taploom top`: asks once an interval, and draws then and after each key. Into a pipe it prints tables.

import { setTimeout as sleep } from 'node:timers/promises';
import type { PortStatus } from '../../api.ts';
import { TaploomError } from '../../error.ts';
import { RateMeter } from '../../rates.ts';
import { TOP_COLUMNS } from '../columns.ts';
import type { Context } from '../context.ts';
import { chosen } from '../list.ts';
import { formatted, listText } from '../list_text.ts';
import { Screen } from './screen.ts';
import { type TopChoice, TopView } from './view.ts';

export interface TopOptions extends TopChoice {
  /** Seconds. */
  interval: number;
  rounds?: number;
  format?: string;
}

type Ask = () => Promise<PortStatus[]>;

export async function runTop(context: Context, bridge: string | undefined): Promise<void> {
  const { client, terminal, json } = context;
  const defaults = { sort: 'traffic', reverse: false, filter: [] };
  const options = { ...defaults, ...context.options } as unknown as TopOptions;
  const ask = async () => {
    const { ports } = await client.stats();
    return bridge === undefined ? ports : ports.filter((port) => port.bridge === bridge);
  };
  // what is wrong with the filter or the connection is said before there is a screen
  chosen([], TOP_COLUMNS, options);
  const ports = await ask();
  if (json || options.format !== undefined || !terminal.isTerminal) await print(context, options, ports, ask);
  else await show(options, ports, ask, bridge);
}

async function show(options: TopOptions, first: PortStatus[], ask: Ask, bridge?: string): Promise<void> {
  const { NO_COLOR, LC_ALL, LC_CTYPE, LANG } = process.env;
  const style = {
    colours: !NO_COLOR,
    unicode: /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || ''),
  };
  const view = new TopView(options, style, bridge);
  const meter = new RateMeter();
  const quit = new AbortController();
  const draw = () => screen.draw(view.lines(screen.columns, screen.rows));
  const update = (ports: PortStatus[]) => {
    view.update(meter.next(ports, seconds()), new Date().toLocaleTimeString('en-GB'));
    draw();
  };
  const screen = new Screen((text, key) => {
    if (view.press(text, key)) draw();
    else quit.abort();
  }, draw);
  try {
    update(first);
    for (let round = 1; round !== options.rounds; round++) {
      await sleep(options.interval * 1000, undefined, { signal: quit.signal }).catch(() => {});
      if (quit.signal.aborted) return;
      try {
        update(await ask());
      } catch (error) {
        // a daemon that starts anew is waited for
        if (!(error instanceof TaploomError)) throw error;
        view.fail(error.message);
        draw();
      }
    }
  } finally {
    screen.close();
  }
}

async function print(context: Context, options: TopOptions, first: PortStatus[], ask: Ask): Promise<void> {
  const { terminal, json } = context;
  const { format = 'table' } = options;
  const { traffic: _, ...columns } = TOP_COLUMNS;
  const meter = new RateMeter();
  meter.next(first, seconds());
  for (let round = 1; ; round++) {
    await sleep(options.interval * 1000);
    const ports = chosen(meter.next(await ask(), seconds()), TOP_COLUMNS, options);
    const values = Object.entries(columns);
    const object = (port: (typeof ports)[number]) =>
      Object.fromEntries(values.map(([name, column]) => [name, column.value(port)]));
    if (json)
      await terminal.out(`${JSON.stringify({ time: new Date().toISOString(), ports: ports.map(object) })}\n`);
    else if (format !== 'table') await terminal.out(formatted(ports, columns, format, round === 1));
    else
      await terminal.out(`${round > 1 ? '\n' : ''}${listText(ports, columns, terminal.columns, 'no ports')}`);
    if (round === options.rounds) return;
  }
}

function seconds(): number {
  return performance.now() / 1000;
}
