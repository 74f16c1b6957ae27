// Where the addresses of received frames are in `Search.keys`: 8 words for each row of 16.
//
//   | domain | source | entry | seen | domain | destination | entry | seen |

import { KEY_WORDS } from '../table/search.ts';
import { DOMAIN_SHIFT } from './topology.ts';

/** Of a word of Topology.vlan: where the FDB's keys have the domain, too. */
export const DOMAIN_BITS = -1 << DOMAIN_SHIFT;
/** A frame looks up two addresses, its source and KEY_WORDS behind it its destination. */
export const DST = KEY_WORDS;

export function keysOf(row: number): number {
  return row >> 1;
}
