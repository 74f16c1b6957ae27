// Actions that could not be carried out, and what falls with them.

import { TaploomError } from '../error.ts';
import type { Action, ActionResult } from './action.ts';
import { staticPath } from './diff.ts';
import { parsePath } from './path.ts';
import type { SwitchConfig } from './schema.ts';

export function refuse(result: ActionResult, error: unknown): void {
  result.ok = false;
  result.error = error instanceof Error ? error.message : String(error);
  if (error instanceof TaploomError) result.code = error.code;
}

/** Codes of errors that say: what it takes is not there yet. */
export const NOT_YET: ReadonlySet<string> = new Set([
  'no_such_interface',
  'no_such_netns',
  'no_such_address',
  'port_missing',
]);

/**
 * What became of each action that was asked for, after `done`. `keep`: what cannot be had yet is wanted all the same, and
 * waits. So does, either way, what was missing before (`wasMissing`) and is wanted otherwise now.
 */
export function settle(
  asked: readonly Action[],
  done: readonly ActionResult[],
  keep: boolean,
  wasMissing: (port: string) => boolean,
): ActionResult[] {
  const failures = new Map(done.filter(({ ok }) => !ok).map((result) => [result.path, result]));
  const results = asked.map((action): ActionResult => {
    const failure = failures.get(action.path);
    // Of two actions that replace something, both fail: the old one stays.
    if (failure === undefined || (keep && action.op === 'delete')) return { ...action, ok: true };
    const { error, code } = failure;
    const isNotYet = keep && code !== undefined && NOT_YET.has(code);
    const waits = isNotYet || (action.kind === 'port' && wasMissing(portOf(action.path)));
    return { ...action, ok: waits, ...(waits && { waits }), error, code };
  });
  const paths = new Set(asked.map(({ path }) => path));
  // Nobody asked for what follows from it: an interface refuses the MTU of its bridge.
  const others = done.filter(({ ok, op, path }) => !ok && op === 'set' && !paths.has(path));
  return [...results, ...others];
}

/**
 * A new bridge whose local interface could not be had is not made at all, for the same reason, and nothing in it; a
 * static entry whose port could not be added is not added either. `keep`: the bridge is made without its interface.
 */
export function refuseDependents(results: ActionResult[], next: SwitchConfig, keep: boolean): void {
  for (const local of keep ? [] : results.filter(({ ok, path }) => !ok && isLocal(path))) {
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
  refuseRouters(results, next);
  const lost = new Set(
    results.filter(({ ok, kind }) => !ok && kind === 'port').map(({ path }) => portOf(path)),
  );
  // By path: a search for each of 65,536 entries would hold up everybody else.
  const orphans = new Map<string, string>();
  for (const [name, bridge] of lost.size === 0 ? [] : Object.entries(next.bridges)) {
    for (const entry of bridge.static) {
      if (lost.has(entry.port)) orphans.set(staticPath(name, entry), entry.port);
    }
  }
  for (const result of results) {
    const port = orphans.get(result.path);
    if (port === undefined || !result.ok || result.kind !== 'fdb' || result.op !== 'add') continue;
    refuse(result, new TaploomError('port_missing', `port ${port} could not be added`));
  }
}

/** A router stands in bridges: where one could not be made, the router stays as it was. */
function refuseRouters(results: ActionResult[], { routers = {} }: SwitchConfig): void {
  const lost = results.filter(({ ok, op, kind }) => !ok && op === 'add' && kind === 'bridge');
  for (const bridge of lost) {
    const name = bridgeOf(bridge.path);
    for (const result of results) {
      if (!result.ok || result.kind !== 'router') continue;
      const router = routers[String(parsePath(result.path)[1])];
      if (Object.values(router?.interfaces ?? {}).some((one) => one.bridge === name)) {
        result.ok = false;
        result.error = bridge.error;
        result.code = bridge.code;
      }
    }
  }
}

// bridges.NAME, bridges.NAME.local, bridges.NAME.ports.PORT, bridges.NAME.ports.PORT.members.PORT, bridges.NAME.static.ENTRY
function bridgeOf(path: string): string {
  const [top, name] = parsePath(path);
  return top === 'bridges' ? String(name) : '';
}

function isLocal(path: string): boolean {
  return parsePath(path)[2] === 'local';
}

function parentOf(localPath: string): string {
  return localPath.slice(0, -'.local'.length);
}

/**
 * Of `bridges.br0.ports.vm1`, of `bridges.br0.ports.bond0.members.eth1`, or of `bridges.br0.local`: the local interface has
 * the bridge's name.
 */
export function portOf(path: string): string {
  return isLocal(path) ? bridgeOf(path) : String(parsePath(path).at(-1));
}
