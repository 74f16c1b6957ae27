// Mirrors as text.

import type { MirrorConfig } from '../config/schema.ts';
import { table } from './table.ts';

/** More than any frame has: the default. */
const WHOLE = 65_557;

type NamedMirror = MirrorConfig & { bridge: string; name: string };

export function mirrorsText(mirrors: readonly NamedMirror[], width: number): string {
  if (mirrors.length === 0) return 'no mirrors\n';
  const rows = mirrors.map((mirror) => [
    mirror.bridge,
    mirror.name,
    mirror.from?.join(' ') ?? 'all ports',
    mirror.direction,
    endText(mirror.to),
    conditions(mirror).join(', '),
  ]);
  return `${table(['BRIDGE', 'MIRROR', 'FROM', 'DIRECTION', 'TO', 'ONLY'], rows, { width })}\n`;
}

/** `vm1 vm2, in, only vlans 10, to mon` */
export function mirrorText(mirror: MirrorConfig): string {
  const { from, direction, to } = mirror;
  const parts = [from?.join(' ') ?? 'all ports', direction, ...conditions(mirror), `to ${endText(to)}`];
  return parts.join(', ');
}

function endText(to: MirrorConfig['to']): string {
  if (typeof to === 'string') return to;
  return 'vlan' in to ? `vlan ${to.vlan}` : `${to.port} -> ${to.remote}`;
}

function conditions({ vlans, filter, sample, snaplen }: MirrorConfig): string[] {
  return [
    ...(vlans === undefined ? [] : [`vlans ${vlans.join(' ')}`]),
    ...(filter === undefined ? [] : [filter]),
    ...(sample === 1 ? [] : [`one of ${sample}`]),
    ...(snaplen >= WHOLE ? [] : [`${snaplen} bytes`]),
  ];
}
