// What commands print: JSON, or rows and lines.

import type { Action, ActionResult } from '../config/action.ts';
import type { Context } from './context.ts';
import { type Choice, type Columns, chosen } from './list.ts';

export function print({ terminal, json }: Context, value: unknown, text: () => string): void {
  terminal.out(json ? `${JSON.stringify(value, null, 2)}\n` : text());
}

/** The rows that were asked for, in the form that was asked for; as a table, `text` or the columns. */
export async function printList<Row>(
  context: Context,
  rows: readonly Row[],
  columns: Columns<Row>,
  none: string,
  text?: (rows: readonly Row[]) => string,
): Promise<void> {
  const { format = 'table' } = context.options as { format?: string };
  const wanted = chosen(rows, columns, context.options as Choice);
  const { formatted, listText } = await import('./list_text.ts');
  print(context, wanted, () => {
    if (format !== 'table') return formatted(wanted, columns, format);
    return text ? text(wanted) : listText(wanted, columns, context.terminal.columns, none);
  });
}

const SIGNS = { delete: '-', add: '+', set: '~' } as const;

export function actionLines(actions: readonly (Action & Partial<ActionResult>)[]): string {
  return actions
    .map(({ op, path, changes = {}, ok, waits, error }) => {
      const keys = Object.entries(changes).map(
        ([key, { from, to }]) => ` ${key}: ${brief(from)} -> ${brief(to)}`,
      );
      const outcome = ok === false ? `\n  failed: ${error}` : waits ? `\n  waits: ${error}` : '';
      return `${SIGNS[op]} ${path}${keys.join(',')}${outcome}\n`;
    })
    .join('');
}

function brief(value: unknown): string {
  return value === undefined ? 'unset' : typeof value === 'string' ? value : JSON.stringify(value);
}
