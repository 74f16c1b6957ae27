// Hooks in the configuration -> numbers, and which port's frames meet which. A number stays with its hook while nothing about
// it changes: so a reconfiguration of something else leaves what it has counted.

import { type PlacedHook, placedHooks } from '../config/hook_places.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { HookTable } from '../engine/hook.ts';
import type { Names } from './names.ts';

export interface NumberedHook extends PlacedHook {
  id: number;
}

export class HookNumbers {
  private readonly numbers = new Map<string, number>();
  private last = 0;

  /** All hooks of a configuration, with numbers. */
  number(config: SwitchConfig): NumberedHook[] {
    return placedHooks(config).map((placed) => {
      const key = JSON.stringify([placed.path, placed.hook]);
      const id = this.numbers.get(key) ?? ++this.last;
      this.numbers.set(key, id);
      return { ...placed, id };
    });
  }

  /** Forgets all others: one that comes back is loaded anew. */
  keep(ids: ReadonlySet<number>): void {
    for (const [key, id] of this.numbers) if (!ids.has(id)) this.numbers.delete(key);
  }

  /** Null if no port has any. */
  compile(config: SwitchConfig, ports: Names): HookTable | null {
    const hooks = this.number(config);
    if (hooks.length === 0) return null;
    const [ofBridges, ofPorts] = [new Map<string, number[]>(), new Map<string, number[]>()];
    for (const { id, bridge, port } of hooks) {
      const [all, place] = port === undefined ? [ofBridges, bridge] : [ofPorts, port];
      all.set(place, [...(all.get(place) ?? []), id]);
    }
    const chains = new Map<number, number[]>();
    const names = new Map<number, string>();
    for (const [bridge, { ports: own, local }] of Object.entries(config.bridges)) {
      for (const port of [...Object.keys(own), ...(local === false ? [] : [bridge])]) {
        const chain = [...(ofBridges.get(bridge) ?? []), ...(ofPorts.get(port) ?? [])];
        const number = ports.find(port);
        if (chain.length === 0 || number === undefined) continue;
        chains.set(number, chain);
        names.set(number, port);
      }
    }
    return { chains, names };
  }
}
