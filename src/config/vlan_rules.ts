// What the keys of a port's `vlan` must satisfy together: one role, and no VID with two meanings.

import type { Path } from './path.ts';
import type { Range } from './range.ts';
import { rangeOf, vlanSet } from './vlan_set.ts';

type List = readonly (number | string)[];
interface Keys {
  readonly access?: number;
  readonly trunk?: List;
  readonly native?: number;
  readonly protocol?: string;
  readonly translate?: Readonly<Record<string, number>>;
  readonly promiscuous?: boolean;
  readonly tunnel?: number | Readonly<Record<string, List>>;
}
type Report = (message: string, path?: Path) => void;

/** Relies on every key for itself. */
export function checkVlan(vlan: Keys, report: Report): void {
  const { access, trunk, native, tunnel } = vlan;
  const roles = (['access', 'trunk', 'tunnel'] as const).filter((role) => vlan[role] !== undefined);
  if (roles.length === 0) report('expected access: VID, trunk: [VID, ...], or tunnel: VID');
  if (roles.length > 1) report(`${roles.slice(0, -1).join(', ')} and ${roles.at(-1)} exclude each other`);
  if (roles.length !== 1) return;
  if (access !== undefined && native !== undefined) report('only a trunk has a native VLAN', ['native']);
  if (typeof tunnel === 'number' && native !== undefined)
    report(`untagged frames go to VLAN ${tunnel}, too: list the VLANs of the customer, or remove this key`, [
      'native',
    ]);
  for (const key of ['protocol', 'translate', 'promiscuous'] as const)
    if (trunk === undefined && vlan[key] !== undefined) report('only a trunk has this key', [key]);
  if (trunk !== undefined && vlan.translate !== undefined)
    checkTranslation(trunk, native, vlan.translate, report);
  if (typeof tunnel === 'object') checkSelection(tunnel, report);
}

/** Both ways a VID means one VLAN. */
function checkTranslation(
  trunk: List,
  native: number | undefined,
  translate: Readonly<Record<string, number>>,
  report: Report,
): void {
  const { tagged } = vlanSet({ trunk: [...trunk], native });
  const isTagged = (vid: number) => tagged.some(({ from, to }) => from <= vid && vid <= to);
  const wireOf = new Map<number, string>();
  for (const [wire, vlan] of Object.entries(translate)) {
    const path = ['translate', wire];
    const other = wireOf.get(vlan);
    if (vlan === native) report(`VLAN ${vlan} leaves untagged here, it is the native VLAN`, path);
    else if (!isTagged(vlan)) report(`the trunk does not carry VLAN ${vlan}`, path);
    else if (other !== undefined) report(`VLAN ${vlan} is ${other} on the wire already`, path);
    wireOf.set(vlan, wire);
  }
  for (const wire of Object.keys(translate)) {
    const vid = Number(wire);
    if (wireOf.has(vid) || (vid !== native && !isTagged(vid))) continue;
    const message = `${vid} on the wire would be VLAN ${vid} of the trunk, too: translate that as well, or take it from the trunk`;
    report(message, ['translate', wire]);
  }
}

/** A customer's VLAN goes into one VLAN of ours. */
function checkSelection(tunnel: Readonly<Record<string, List>>, report: Report): void {
  if (Object.keys(tunnel).length === 0) report('expected VLAN: [VID, ...]', ['tunnel']);
  const taken: (Range & { vlan: string })[] = [];
  for (const [vlan, list] of Object.entries(tunnel)) {
    for (const [index, item] of list.entries()) {
      const range = rangeOf(item);
      const other = taken.find(({ from, to }) => from <= range.to && range.from <= to);
      if (other === undefined) taken.push({ ...range, vlan });
      else
        report(`${Math.max(other.from, range.from)} goes into VLAN ${other.vlan} already`, [
          'tunnel',
          vlan,
          index,
        ]);
    }
  }
}
