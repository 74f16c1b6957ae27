// What a class or a policer matches, in a few words: `vlan 10-19, dscp 46+48`; `rest` is what no other takes.

import type { QosMatch } from './qos_shape.ts';

export function matchText(match: QosMatch | undefined): string {
  const keys = Object.entries(match ?? {}).filter(([, value]) => value !== undefined);
  if (keys.length === 0) return 'rest';
  return keys.map(([key, value]) => `${key} ${Array.isArray(value) ? value.join('+') : value}`).join(', ');
}
