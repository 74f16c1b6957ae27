// `taploom guard`: who may speak on which port, and what was refused.

import type { GuardStatus } from '../api.ts';
import { ControlError } from '../control/client.ts';
import type { Context } from './context.ts';
import { GUARD_COLUMNS, GUARD_PORT_COLUMNS, type PortBinding } from './guard_columns.ts';
import { print, printList } from './print.ts';

const NONE = 'no guards; `taploom port set BRIDGE PORT --guard on` makes one';
const NO_BINDINGS = 'no bindings';

export async function guardList(context: Context): Promise<void> {
  await printList(context, await context.client.guards(), GUARD_PORT_COLUMNS, NONE);
}

/** Bindings of a port, or of all. */
export async function guardShow(context: Context, port?: string): Promise<void> {
  const guards = await context.client.guards();
  if (port === undefined) {
    await printList(
      context,
      guards.flatMap(bindingsOf),
      GUARD_COLUMNS,
      guards.length === 0 ? NONE : NO_BINDINGS,
    );
    return;
  }
  const found = guards.find((one) => one.port === port);
  if (found === undefined) {
    const { ports } = await context.client.summary();
    const isThere = ports.some(({ name }) => name === port);
    throw new ControlError(
      isThere ? 'no_guard' : 'no_such_port',
      isThere
        ? `${port} has no guard; \`taploom port set BRIDGE ${port} --guard on\` makes one`
        : `There is no port ${port}`,
    );
  }
  if (context.json) {
    print(context, found, () => '');
    return;
  }
  const { listText } = await import('./list_text.ts');
  await printList(
    context,
    bindingsOf(found),
    GUARD_COLUMNS,
    NO_BINDINGS,
    (rows: readonly PortBinding[]) =>
      listText(rows, GUARD_COLUMNS, context.terminal.columns, NO_BINDINGS) + refusedLines(found),
  );
}

function bindingsOf({ bridge, port, bindings }: GuardStatus): PortBinding[] {
  return bindings.map((one) => ({ bridge, port, ...one }));
}

function refusedLines({ refused, unplaced }: GuardStatus): string {
  const lines = Object.entries(refused).map(([reason, frames]) => `refused ${frames}: ${reason}\n`);
  if (unplaced > 0) lines.push(`${unplaced} of them have no room, and are refused\n`);
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}
