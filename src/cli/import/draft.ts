// What an import makes: a configuration, and sentences about what has no counterpart in one.

import type { Range } from '../../config/range.ts';
import { nameProblem, type SwitchConfigInput, type VlanConfig } from '../../config/schema.ts';

export interface Draft {
  readonly config: SwitchConfigInput;
  readonly warnings: readonly string[];
}

export type Bridge = NonNullable<SwitchConfigInput['bridges']>[string];
export type Ports = NonNullable<Bridge['ports']>;
export type Port = Ports[string];
export type Mirrors = NonNullable<Bridge['mirrors']>;
export type Static = NonNullable<Bridge['static']>;

/** Tells what is lost, about a thing that the configuration names: `br0.eth1: ...`. */
export type Warn = (message: string) => void;

/** Others take more names than we do. */
export function isUsable(name: string, warn: Warn): boolean {
  const problem = nameProblem(name);
  if (problem !== undefined) warn(`its name ${problem}: left out`);
  return problem === undefined;
}

/** What a port does with VLANs. */
export interface Membership {
  /** VLAN of untagged frames; 0 = they are dropped. */
  readonly pvid: number;
  readonly tagged: readonly Range[];
  /** Those that leave untagged. */
  readonly untagged: readonly number[];
}

/** As a port's `vlan`; undefined is an access port of VLAN 1. */
export function vlanOf({ pvid, tagged, untagged }: Membership, warn: Warn): VlanConfig | undefined {
  for (const vid of untagged) {
    if (vid === pvid) continue;
    warn(`VLAN ${vid} leaves untagged, but untagged frames do not belong to it: the port leaves that VLAN`);
  }
  const trunk = tagged.map(({ from, to }) => (from === to ? from : `${from}-${to}`));
  const hasNative = untagged.includes(pvid);
  if (pvid !== 0 && !hasNative) {
    warn(`untagged frames belong to VLAN ${pvid}, which leaves tagged: here untagged frames are dropped`);
  }
  if (!hasNative) return { trunk };
  if (trunk.length > 0) return { trunk, native: pvid };
  return pvid === 1 ? undefined : { access: pvid };
}
