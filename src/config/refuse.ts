// Actions that could not be carried out, and what falls with them.

import { TaploomError } from '../error.ts';
import type { ActionResult } from './action.ts';
import { staticPath } from './diff.ts';
import { parsePath } from './path.ts';
import type { SwitchConfig } from './schema.ts';

export function refuse(result: ActionResult, error: unknown): void {
  result.ok = false;
  result.error = error instanceof Error ? error.message : String(error);
  if (error instanceof TaploomError) result.code = error.code;
}

/**
 * A new bridge whose local interface could not be had is not made at all, for the same reason, and nothing in it; a
 * static entry whose port could not be added is not added either.
 */
export function refuseDependents(results: ActionResult[], next: SwitchConfig): void {
  for (const local of results.filter(({ ok, path }) => !ok && isLocal(path))) {
    const bridge = results.find(({ op, path }) => op === 'add' && path === parentOf(local.path));
    if (bridge === undefined) continue;
    const name = bridgeOf(local.path);
    for (const result of results) {
      if (!result.ok || result.op === 'delete' || bridgeOf(result.path) !== name) continue;
      result.ok = false;
      result.error = local.error;
      result.code = local.code;
    }
  }
  const lost = new Set(
    results.filter(({ ok, kind }) => !ok && kind === 'port').map(({ path }) => portOf(path)),
  );
  for (const result of results) {
    if (!result.ok || result.kind !== 'fdb' || result.op !== 'add') continue;
    const bridge = bridgeOf(result.path);
    const entry = next.bridges[bridge].static.find((one) => staticPath(bridge, one) === result.path);
    if (entry !== undefined && lost.has(entry.port)) {
      refuse(result, new Error(`port ${entry.port} could not be added`));
    }
  }
}

// bridges.NAME, bridges.NAME.local, bridges.NAME.ports.PORT, bridges.NAME.static.ENTRY
function bridgeOf(path: string): string {
  return String(parsePath(path)[1]);
}

function isLocal(path: string): boolean {
  return parsePath(path)[2] === 'local';
}

function parentOf(localPath: string): string {
  return localPath.slice(0, -'.local'.length);
}

/** Of `bridges.br0.ports.vm1`, or of `bridges.br0.local`: the local interface has the bridge's name. */
export function portOf(path: string): string {
  return isLocal(path) ? bridgeOf(path) : String(parsePath(path)[3]);
}
