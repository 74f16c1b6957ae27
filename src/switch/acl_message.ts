// What a rule of an access list said, as a sentence.

import type { AclFact } from '../event.ts';

const DEEDS = { permit: 'permitted', deny: 'denied', count: 'counted' } as const;

export function aclSentence({ list, rule, path, verdict, side, port, vlan, frame, more }: AclFact): string {
  const where = vlan === 0 ? `port ${port}` : `port ${port} in VLAN ${vlan}`;
  const way = side === 'in' ? 'in on' : 'out of';
  const rest = more === undefined ? '' : `, and ${more} more that are not told`;
  return `access list ${list} rule ${rule} (${path}) ${DEEDS[verdict]} ${frame} ${way} ${where}${rest}`;
}
