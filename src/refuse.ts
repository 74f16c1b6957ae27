// Actions that could not be carried out.

import { type ActionResult, TaploomError } from './api.ts';
import { parsePath } from './config/path.ts';
import type { SwitchConfig } from './config/schema.ts';

export function refuse(result: ActionResult, error: unknown): void {
  result.ok = false;
  result.error = error instanceof Error ? error.message : String(error);
  if (error instanceof TaploomError) result.code = error.code;
}

/** A static entry whose port could not be added cannot be added either. */
export function refuseOrphans(results: ActionResult[], next: SwitchConfig): void {
  const failed = new Set(results.filter(({ ok, kind }) => !ok && kind === 'port').map(({ path }) => path));
  if (failed.size === 0) return;
  const names = new Set([...failed].map((path) => parsePath(path).at(-1)));
  for (const result of results) {
    if (result.kind !== 'fdb' || result.op !== 'add') continue;
    const [, bridge] = parsePath(result.path) as string[];
    const entry = next.bridges[bridge].static.find(({ mac }) => result.path.includes(mac));
    if (entry !== undefined && names.has(entry.port)) {
      refuse(result, new Error(`port ${entry.port} could not be added`));
    }
  }
}
