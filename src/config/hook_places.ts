// Where a configuration has hooks: those of a bridge before those of its ports, each in the order in which it is asked.

import type { HookConfig } from './hook_shape.ts';
import { formatPath } from './path.ts';
import type { SwitchConfig } from './schema.ts';

export interface PlacedHook {
  /** `bridges.br0.ports.vm1.hooks[0]` */
  path: string;
  bridge: string;
  /** Undefined: all of the bridge's. */
  port: string | undefined;
  hook: HookConfig;
}

export function placedHooks({ bridges }: SwitchConfig): PlacedHook[] {
  return Object.entries(bridges).flatMap(([bridge, { hooks = [], ports }]) => [
    ...placed(bridge, undefined, hooks),
    ...Object.entries(ports).flatMap(([port, { hooks: own = [] }]) => placed(bridge, port, own)),
  ]);
}

function placed(bridge: string, port: string | undefined, hooks: readonly HookConfig[]): PlacedHook[] {
  const place = port === undefined ? ['bridges', bridge] : ['bridges', bridge, 'ports', port];
  return hooks.map((hook, n) => ({ path: formatPath([...place, 'hooks', n]), bridge, port, hook }));
}
