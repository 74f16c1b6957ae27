// What a rule of an access list said, as a sentence.

import { lineText } from '../config/rule_lines.ts';
import type { AclFact } from '../event.ts';

const DEEDS = { permit: 'permitted', deny: 'denied', count: 'counted' } as const;

export function aclSentence(fact: AclFact): string {
  const { list, rule, path, file, line, verdict, side, port, vlan, frame, more } = fact;
  const place = file === undefined || line === undefined ? path : `${path}, ${lineText({ file, line })}`;
  const where = vlan === 0 ? `port ${port}` : `port ${port} in VLAN ${vlan}`;
  const way = side === 'in' ? 'in on' : 'out of';
  const rest = more === undefined ? '' : `, and ${more} more that are not told`;
  return `access list ${list} rule ${rule} (${place}) ${DEEDS[verdict]} ${frame} ${way} ${where}${rest}`;
}
