// What a change of the configuration becomes: one event that says who did what, and one for each port.

import type { ActionResult } from '../config/action.ts';
import { parsePath } from '../config/path.ts';
import { portOf } from '../config/refuse.ts';
import type { Author, EventFact } from '../event.ts';

/** Actions in one event. */
const ACTIONS = 100;

export function appliedFacts(by: Author, results: readonly ActionResult[]): EventFact[] {
  if (results.length === 0) return [];
  const actions = results.slice(0, ACTIONS).map(({ op, kind, path, changes, ok, error }) => ({
    op,
    kind,
    path,
    ...(changes !== undefined && { keys: Object.keys(changes) }),
    ok,
    ...(error !== undefined && { error }),
  }));
  const failed = results.filter(({ ok }) => !ok).length;
  const facts: EventFact[] = [{ type: 'configuration', by, actions, total: results.length, failed }];
  for (const { op, kind, path, ok } of results) {
    if (!ok || kind !== 'port' || op === 'set') continue;
    const bridge = String(parsePath(path)[1]);
    const change = op === 'add' ? 'added' : 'removed';
    facts.push({ type: 'port', change, bridge, port: portOf(path) });
  }
  return facts;
}
