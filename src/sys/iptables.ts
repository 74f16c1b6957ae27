// iptables' old back end (`iptables-legacy`), of whose tables nf_tables tells nothing. Control plane only.

import { readFileSync } from 'node:fs';
import { native } from './native.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const NF_DROP = 0;
/** Only where a table is there already: to ask for one makes it. */
const NAMES = { 4: '/proc/net/ip_tables_names', 6: '/proc/net/ip6_tables_names' } as const;

/** Whether its chain FORWARD has policy drop, in the namespace of this process; false if that cannot be told. */
export function legacyForwardDrops(family: 4 | 6): boolean {
  if (!hasFilter(NAMES[family])) return false;
  return native().tl_iptables_forward_policy(-1, family === 4 ? AF_INET : AF_INET6) === NF_DROP;
}

function hasFilter(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').split('\n').includes('filter');
  } catch {
    return false; // no such module
  }
}
