// Which guest has which name: the configuration says so, or the guest when it gets its lease.

import type { Lease } from '../dhcp/lease.ts';
import type { GuestName } from './zone.ts';

/** What machines look for without being told to, and trust whoever has it: nobody gets such a name by asking for it. */
const RESERVED = new Set(['localhost', 'wpad', 'isatap']);

/**
 * The first of a name has it: configured ones go before others, and of those who had it longest.
 * `configured`: the name of a lease's guest, as the configuration knows it; `fixed`: of hosts with a fixed address.
 */
export function guestNames(
  fixed: ReadonlyMap<string, number>,
  leases: readonly Lease[],
  configured: (lease: Lease) => string | undefined,
  taken: Iterable<string>,
): GuestName[] {
  const bound = leases.filter(({ state }) => state === 'bound').sort((a, b) => a.since - b.since);
  const names: GuestName[] = [...fixed].map(([name, address]) => ({ name: name.toLowerCase(), address }));
  const known = bound.map((lease) => ({ lease, name: configured(lease)?.toLowerCase() }));
  for (const { lease, name } of known) if (name !== undefined) names.push({ name, address: lease.address });
  // A name of the configuration is its host's, also while that has no lease.
  const others = new Set([...RESERVED, ...[...taken].map((name) => name.toLowerCase())]);
  for (const { lease, name } of known)
    if (name === undefined && lease.hostName !== '' && !others.has(lease.hostName))
      names.push({ name: lease.hostName, address: lease.address });
  return names;
}
