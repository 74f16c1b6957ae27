// A bond of Open vSwitch (table Port of ovs-vswitchd.conf.db(5)) as an aggregate. Pure.
//
// Its modes are about what the switch at the other end must know: with LACP it knows, without it active-backup and balance-slb ask
// nothing of it. Only active-backup is the same here, so without LACP a bond becomes that.

import type { Port, Warn } from './draft.ts';
import { map, type Row, text } from './ovsdb.ts';

export type Aggregate = Extract<Port, { type: 'aggregate' }>;
type Members = NonNullable<Aggregate['members']>;
export type Member = Members[string];

/** All but what an aggregate has in common with other ports. `members` are of the types that ours may have. */
export function bondOf(row: Row, members: readonly [Row, Member][], warn: Warn): Aggregate {
  const more = map(row.other_config);
  const lacp = lacpOf(row);
  const mode = text(row.bond_mode) ?? 'active-backup';
  tellLost(row, more, mode, lacp, warn);
  const primary = more['bond-primary'];
  const { 'lacp-system-id': system, 'lacp-system-priority': priority } = more;
  return {
    type: 'aggregate',
    lacp,
    ...(lacp === 'off' && { mode: 'active_backup' }),
    ...(mode === 'balance-slb' && lacp !== 'off' && { hash: 'l2' }),
    ...(lacp !== 'off' && {
      ...(more['lacp-time'] === 'fast' && { rate: 'fast' }),
      ...(system !== undefined && { system }),
      ...(priority !== undefined && { system_priority: Number(priority) }),
    }),
    members: Object.fromEntries(
      members.map(([device, member]) => {
        const own = map(device.other_config)['lacp-port-priority'];
        const isPrimary = lacp === 'off' && device.name === primary;
        const rank = isPrimary ? 1 : lacp === 'off' || own === undefined ? undefined : Number(own);
        return [String(device.name), { ...member, ...(rank !== undefined && { priority: rank }) }];
      }),
    ),
  };
}

/** Also said of a port of one interface. */
export function lacpOf(row: Row): 'active' | 'passive' | 'off' {
  const lacp = text(row.lacp);
  return lacp === 'active' || lacp === 'passive' ? lacp : 'off';
}

function tellLost(row: Row, more: ReturnType<typeof map>, mode: string, lacp: string, warn: Warn): void {
  if (lacp === 'off' && mode === 'balance-slb')
    warn('balance-slb asks nothing of the switch at the other end: here one member at a time carries frames');
  if (lacp === 'off' && mode === 'balance-tcp')
    warn('balance-tcp without LACP carries nothing there: here one member at a time carries frames');
  if (lacp !== 'off' && mode === 'active-backup')
    warn('active-backup with LACP: here all members carry frames');
  if (lacp !== 'off' && more['lacp-fallback-ab'] === 'true')
    warn('lacp-fallback-ab has no counterpart: without LACP at the other end it carries nothing');
  if (Number(row.bond_updelay ?? 0) > 0 || Number(row.bond_downdelay ?? 0) > 0)
    warn('bond_updelay and bond_downdelay have no counterpart');
  if (mode !== 'active-backup' && Number(more['bond-rebalance-interval'] ?? 0) > 0)
    warn('bond-rebalance-interval has no counterpart: a flow keeps its member');
  if (more['bond-detect-mode'] === 'miimon')
    warn('the kernel tells of links: bond-detect-mode has no counterpart');
}
