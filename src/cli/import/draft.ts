// What an import makes: a configuration, and sentences about what has no counterpart in one.

import type { Range } from '../../config/range.ts';
import { nameProblem, type SwitchConfigInput, type VlanConfig } from '../../config/schema.ts';
import { BRIDGE_STP } from '../../config/stp.ts';

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

/** A spanning tree that others take and a configuration here does not is left out, or has the times as installed. */
export function withFittingStp(bridge: Bridge, warn: Warn): Bridge {
  const { stp, ...rest } = bridge;
  if (typeof stp !== 'object' || stp.protocol === 'off') return bridge;
  const { protocol, priority } = stp;
  const { hello_time: hello = BRIDGE_STP.hello_time, max_age: age = BRIDGE_STP.max_age } = stp;
  const { forward_delay: delay = BRIDGE_STP.forward_delay } = stp;
  if (protocol === 'stp' || (age <= 2 * (delay - 1) && age >= 2 * (hello + 1))) return bridge;
  warn(
    'the times of its spanning tree do not fit together (IEEE 802.1D-2004, 17.14): it has those as installed',
  );
  return { ...rest, stp: { protocol, priority } };
}
