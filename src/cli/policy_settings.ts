// Options of ports and bridges that say what may pass, and how much.

import { InvalidArgumentError } from 'commander';
import { pairsOf, qosPairs, type Values } from './setting_values.ts';

/** `in=office+web,out=none`, or `none`: a side that is not named stays as it is. */
export function placedAcls(text: string, before: unknown): Values | 'none' {
  if (text === 'none') return text;
  const sides = typeof before === 'object' ? (before as Values) : {};
  const given = pairsOf(text, 'in=LIST+LIST,out=LIST').map(([side, names]) => {
    if (side !== 'in' && side !== 'out')
      throw new InvalidArgumentError(
        `${side} is no side: expected in=LIST for what comes in, out=LIST for what leaves.`,
      );
    const lists = names === 'none' ? [] : names.split('+');
    if (lists.includes(''))
      throw new InvalidArgumentError(
        `${side}=${names} lacks the name of a list: join names with +, or say ${side}=none.`,
      );
    return [side, lists];
  });
  return { ...sides, ...Object.fromEntries(given) };
}

export const ACLS = {
  flags: '--acls <in=list+list,out=list>',
  key: 'acls',
  help: 'access lists, first to last, for what comes in and what leaves: in=office+web,out=none, or none',
  parse: placedAcls,
};

export const QOS = {
  flags: '--qos <key=value,...>',
  key: 'qos',
  help: 'rates: shape=100mbit,fair=on,police.in=50mbit, or police.in.rate=50mbit,police.in.burst=2mb',
  parse: qosPairs,
};
