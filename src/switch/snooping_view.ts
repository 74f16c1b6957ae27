// What snooping knows, as the switch tells it.

import type { MdbEntry, MdbFilter, MulticastVlan } from '../api.ts';
import type { Member } from '../protocol/snooping/member.ts';
import type { Snooper } from '../protocol/snooping/snooper.ts';

/** Most entries of a page: 2 ms. */
const PAGE = 1000;

/** What comes and goes between two pages may be there or not. */
export function* entriesOf(
  { spec: { bridge, vlan }, groups }: Snooper,
  { port, group: only }: MdbFilter,
  now: () => number,
): Generator<MdbEntry[]> {
  let page: MdbEntry[] = [];
  for (const [group, members] of groups) {
    if (only !== undefined && only !== group) continue;
    for (const member of members.values())
      if ((port ?? member.port) === member.port)
        page.push({ bridge, vlan, group, ...entryOf(member, now()) });
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function entryOf(member: Member, now: number): Omit<MdbEntry, 'bridge' | 'vlan' | 'group'> {
  const hosts = member.hostNames(now);
  return {
    port: member.port,
    type: member.isStatic ? 'static' : 'dynamic',
    mode: member.isExclude ? 'exclude' : 'include',
    sources: [...member.sources].map(([address, until]) => ({
      address,
      isBlocked: until === 0,
      ...(until === 0 ? {} : expiry(until, now)),
    })),
    ...(member.isExclude ? expiry(member.expiresAt, now) : {}),
    ...(hosts.length > 0 ? { hosts } : {}),
  };
}

export function vlanOf({ spec, querier, routers, groups, isActive }: Snooper, now: number): MulticastVlan {
  const { other } = querier;
  const own = spec.isQuerier ? { querier: { address: spec.address } } : {};
  return {
    bridge: spec.bridge,
    vlan: spec.vlan,
    protocol: spec.family === 4 ? 'igmp' : 'mld',
    isActive,
    ...(other === undefined
      ? own
      : { querier: { address: other.address, port: other.port, ...expiry(other.expiresAt, now) } }),
    routers: [...routers].map(([port, until]) => ({
      port,
      type: spec.ports.get(port)?.router === 'permanent' ? 'permanent' : 'temporary',
      ...expiry(until, now),
    })),
    groups: groups.size,
  };
}

function expiry(until: number, now: number): { expiresIn?: number } {
  return until === Number.POSITIVE_INFINITY
    ? {}
    : { expiresIn: Math.max(0, Math.round((until - now) / 100) / 10) };
}
