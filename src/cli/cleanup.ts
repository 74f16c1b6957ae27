// Interfaces that outlived the daemon and that nobody wants any more: those of bridges, and pairs of `veth` ports.

import type { SwitchConfig } from '../config/schema.ts';
import type { Logger } from '../control/log.ts';
import { keptBridges, removeKeptBridge } from '../sys/bridge_mark.ts';
import { keptVeths, removeKeptVeth } from '../sys/veth_mark.ts';

/** At a start: those of this keeper only. What a running program holds stays. */
export async function removeOrphans(config: SwitchConfig, keeper: string, log: Logger): Promise<void> {
  await removeVeths(config, keeper, log);
  const wanted = new Set(Object.keys(config.bridges).filter((name) => config.bridges[name].local !== false));
  try {
    for (const kept of keptBridges()) {
      if (kept.keeper !== keeper || wanted.has(kept.name)) continue;
      if (await removeKeptBridge(kept.name)) {
        log.info(`Removed interface ${kept.name}: it was kept for a bridge that is wanted no more`);
      }
    }
  } catch (error) {
    log.warn(`Interfaces of former bridges may be left: ${(error as Error).message}`);
  }
}

async function removeVeths({ bridges }: SwitchConfig, keeper: string, log: Logger): Promise<void> {
  const ports = Object.values(bridges).flatMap((bridge) => Object.entries(bridge.ports));
  const wanted = new Set(ports.filter(([, { type }]) => type === 'veth').map(([name]) => name));
  try {
    for (const kept of keptVeths()) {
      if (kept.keeper !== keeper || wanted.has(kept.name)) continue;
      if (await removeKeptVeth(kept))
        log.info(`Removed interface ${kept.name}: it was kept for a port that is wanted no more`);
    }
  } catch (error) {
    log.warn(`Interfaces of former ports may be left: ${(error as Error).message}`);
  }
}

/** `taploomd --cleanup`: all that no running daemon holds. Tells the exit code. */
export async function cleanUp(): Promise<number> {
  let code = 0;
  const tell = (name: string, keeper: string, what: string, isRemoved: boolean) => {
    if (isRemoved) console.log(`removed ${name}`);
    else {
      console.error(
        `${name} is in use, by the daemon of ${keeper}: stop it first, or delete the ${what} there`,
      );
      code = 1;
    }
  };
  try {
    for (const { name, keeper } of keptBridges()) tell(name, keeper, 'bridge', await removeKeptBridge(name));
    for (const veth of keptVeths()) tell(veth.name, veth.keeper, 'port', await removeKeptVeth(veth));
  } catch (error) {
    console.error(`Cannot clean up: ${(error as Error).message}`);
    code = 1;
  }
  return code;
}
