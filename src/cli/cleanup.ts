// Interfaces of bridges that outlived the daemon and that no bridge wants any more.

import type { SwitchConfig } from '../config/schema.ts';
import type { Logger } from '../control/log.ts';

/** At a start: those of this keeper only. What a running program holds stays. */
export async function removeOrphans(config: SwitchConfig, keeper: string, log: Logger): Promise<void> {
  const { keptBridges, removeKeptBridge } = await import('../sys/bridge_mark.ts');
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

/** `taploomd --cleanup`: all that no running daemon holds. Tells the exit code. */
export async function cleanUp(): Promise<number> {
  const { keptBridges, removeKeptBridge } = await import('../sys/bridge_mark.ts');
  let code = 0;
  try {
    for (const { name, keeper } of keptBridges()) {
      if (await removeKeptBridge(name)) console.log(`removed ${name}`);
      else {
        console.error(
          `${name} is in use, by the daemon of ${keeper}: stop it first, or delete the bridge there`,
        );
        code = 1;
      }
    }
  } catch (error) {
    console.error(`Cannot clean up: ${(error as Error).message}`);
    code = 1;
  }
  return code;
}
