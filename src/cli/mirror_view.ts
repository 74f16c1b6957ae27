// A mirror in one line.

import type { MirrorConfig } from '../config/schema.ts';
import { mirrorConditions, mirrorEnd } from './columns.ts';

/** `vm1 vm2, in, only vlans 10, to mon` */
export function mirrorText(mirror: MirrorConfig): string {
  const { from, direction, to } = mirror;
  const parts = [
    from?.join(' ') ?? 'all ports',
    direction,
    ...mirrorConditions(mirror),
    `to ${mirrorEnd(to)}`,
  ];
  return parts.join(', ');
}
