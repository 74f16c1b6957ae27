// A switch with access lists and memory ports; of what comes out only the port is told.

import { onTestFinished } from 'vitest';
import type { SwitchConfigInput } from '../../../src/config/schema.ts';
import { Switch } from '../../../src/switch/switch.ts';
import { configOf } from '../engine/rig.ts';
import { PolicyRig } from '../policy/rig.ts';

export class AclRig extends PolicyRig {
  protected override show(): string {
    return 'it';
  }

  /** Frames by rule of a list, those that counted any; `link` and `rest` are its end. */
  hits(name: string): Record<string, number> {
    const { list } = this.taploom.acls.list(name);
    const ends = ['link', 'rest'];
    const rows = list.map(({ rule, frames }) => [rule === undefined ? ends.shift() : rule, frames] as const);
    return Object.fromEntries(rows.filter(([, frames]) => frames > 0));
  }
}

/** @param open of the package, where a thread is needed */
export async function openAcls(
  bridges: Parameters<typeof configOf>[0],
  acls: Record<string, readonly unknown[]>,
  rest: Omit<SwitchConfigInput, 'version' | 'bridges' | 'acls'> = {},
  open: typeof Switch.open = (config, options) => Switch.open(config, options),
): Promise<AclRig> {
  const config = { ...configOf(bridges), ...rest, acls: acls as SwitchConfigInput['acls'] };
  const taploom = await open(config, { threaded: false });
  onTestFinished(() => taploom.close());
  return new AclRig(taploom);
}
