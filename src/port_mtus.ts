// MTUs follow from the whole bridge: a new tunnel makes its neighbours' smaller. This keeps what the interfaces have in
// step with what the configuration leads to.

import { setImmediate as breath } from 'node:timers/promises';
import type { ActionResult } from './api.ts';
import { effectiveMtus } from './config/defaults.ts';
import { formatPath } from './config/path.ts';
import type { SwitchConfig } from './config/schema.ts';
import type { Device } from './devices.ts';
import { refuse } from './refuse.ts';

export class PortMtus {
  private readonly devices: ReadonlyMap<string, Device>;
  /** What the interfaces have, by port name. */
  private readonly inForce = new Map<string, number>();

  constructor(devices: ReadonlyMap<string, Device>) {
    this.devices = devices;
  }

  get(name: string): number | undefined {
    return this.inForce.get(name);
  }

  set(name: string, mtu: number): void {
    this.inForce.set(name, mtu);
  }

  forget(name: string): void {
    this.inForce.delete(name);
  }

  /** MTUs of interfaces that somebody else configures. */
  owned(): Map<string, number> {
    const owned = new Map<string, number>();
    for (const [name, { ownMtu }] of this.devices) if (ownMtu !== undefined) owned.set(name, ownMtu);
    return owned;
  }

  /**
   * Sets what has changed, except where the device is gone. An interface that refuses is reported at the port's own
   * action, and if it has none, at a new one; the configuration comes into force nevertheless.
   */
  async adjust(
    config: SwitchConfig,
    results: ActionResult[],
    isGone: (port: string) => boolean,
  ): Promise<void> {
    const owned = this.owned();
    for (const [bridge, { ports }] of Object.entries(config.bridges)) {
      for (const [name, mtu] of effectiveMtus(config, bridge, owned)) {
        const device = this.devices.get(name);
        if (device === undefined || this.inForce.get(name) === mtu || isGone(name)) continue;
        try {
          device.setMtu(mtu);
          this.inForce.set(name, mtu);
        } catch (error) {
          const path = formatPath(
            Object.hasOwn(ports, name) ? ['bridges', bridge, 'ports', name] : ['bridges', bridge, 'local'],
          );
          refuse(ownAction(results, path), error);
        }
        // The kernel may take a millisecond for each.
        await breath();
      }
    }
  }
}

function ownAction(results: ActionResult[], path: string): ActionResult {
  const own = results.find((result) => result.path === path && result.op !== 'delete');
  if (own !== undefined) return own;
  const added: ActionResult = { op: 'set', kind: 'port', path, ok: true };
  results.push(added);
  return added;
}
