// `taploom fdb show`: of a million entries, none waits for the others unless they are sorted.

import type { FdbEntry } from '../api.ts';
import { ControlError } from '../control/client.ts';
import { FDB_COLUMNS } from './columns.ts';
import type { Context } from './context.ts';
import { filterOf, ofBridge } from './known.ts';
import { type Choice, chosen } from './list.ts';
import { formatted } from './list_text.ts';
import { fdbText } from './views.ts';

/** Nothing was found: is there such a bridge, such a port? */
async function knownPlace({ client, options }: Context, bridge: string | undefined): Promise<void> {
  const { port } = options;
  if (bridge === undefined && port === undefined) return;
  const summary = await client.summary();
  const { ports } = bridge === undefined ? summary : ofBridge(summary, bridge);
  if (port === undefined || ports.some(({ name, interface: renamed }) => name === port || renamed === port))
    return;
  const where = bridge === undefined ? 'There is no port' : `Bridge ${bridge} has no port`;
  throw new ControlError('no_such_port', `${where} ${port}`);
}

/** The entries that were asked for, page by page; only an order needs all of them at once. */
async function* fdbPages(context: Context, bridge: string | undefined): AsyncGenerator<FdbEntry[]> {
  const { sort, reverse, filter, top = Number.POSITIVE_INFINITY } = context.options as Choice;
  const pages = context.client.fdb(filterOf(context.options, bridge));
  const all: FdbEntry[] = [];
  let found = 0;
  let left = top;
  for await (const page of pages) {
    found += page.length;
    const wanted = chosen(page, FDB_COLUMNS, { filter });
    if (sort === undefined && !reverse) {
      yield wanted.slice(0, left);
      left -= wanted.length;
      if (left <= 0) return;
    } else {
      for (const entry of wanted) all.push(entry);
    }
  }
  if (found === 0) await knownPlace(context, bridge);
  const sorted = chosen(all, FDB_COLUMNS, { sort, reverse, top });
  for (let at = 0; at < sorted.length; at += 1000) yield sorted.slice(at, at + 1000);
}

/** One JSON array, or one table, written as its pages arrive. */
export async function showFdb(context: Context, bridge: string | undefined): Promise<void> {
  const { terminal, json } = context;
  const { format = 'table' } = context.options as { format?: string };
  let first = true;
  for await (const entries of fdbPages(context, bridge)) {
    if (entries.length === 0) continue;
    if (json) {
      const rows = entries.map((entry) => `\n  ${JSON.stringify(entry)}`).join(',');
      await terminal.out(first ? `[${rows}` : `,${rows}`);
    } else if (format === 'table') {
      await terminal.out(fdbText(entries, first));
    } else {
      await terminal.out(formatted(entries, FDB_COLUMNS, format, first));
    }
    first = false;
  }
  if (json) terminal.out(first ? '[]\n' : '\n]\n');
  else if (first) terminal.out(format === 'table' ? 'no entries\n' : formatted([], FDB_COLUMNS, format));
}
