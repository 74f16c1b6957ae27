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
  const found: PlacedHook[] = [];
  for (const [bridge, { hooks, ports }] of Object.entries(bridges)) {
    if (hooks !== undefined) found.push(...placed(bridge, undefined, hooks));
    // Several times in each change, and mostly none of hundreds of ports has any.
    for (const port of Object.keys(ports)) {
      const own = ports[port].hooks;
      if (own !== undefined) found.push(...placed(bridge, port, own));
    }
  }
  return found;
}

function placed(bridge: string, port: string | undefined, hooks: readonly HookConfig[]): PlacedHook[] {
  const place = port === undefined ? ['bridges', bridge] : ['bridges', bridge, 'ports', port];
  return hooks.map((hook, n) => ({ path: formatPath([...place, 'hooks', n]), bridge, port, hook }));
}
