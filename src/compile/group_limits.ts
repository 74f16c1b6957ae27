// `connections` of security groups -> what is asked when a port opens one (table/group_quota.ts).

import type { GroupsConfig } from '../config/group_shape.ts';
import type { GroupLimits } from '../table/policy_table.ts';
import { shared } from './shared.ts';

/** @param grouped names of groups by number of a port. Null if no group has a limit */
export function groupLimits(
  groups: GroupsConfig,
  grouped: ReadonlyMap<number, readonly string[]>,
  ports: number,
): GroupLimits | null {
  const limited = Object.entries(groups).flatMap(([name, { connections }]) =>
    connections === undefined ? [] : [{ name, connections }],
  );
  if (limited.length === 0) return null;
  const numbers = new Map(limited.map(({ name }, number) => [name, number]));
  const ofPort = Array.from({ length: ports }, (_, port) => [
    ...new Set((grouped.get(port) ?? []).flatMap((name) => numbers.get(name) ?? [])),
  ]);
  const total = ofPort.reduce((sum, list) => sum + list.length, 0);
  const limits = shared({
    starts: [Uint32Array, ports + 1],
    groups: [Uint16Array, total],
    memberStarts: [Uint32Array, limited.length + 1],
    members: [Uint16Array, total],
    most: [Uint32Array, limited.length],
    counts: [Int32Array, limited.length],
    countedAt: [Int32Array, limited.length],
  });
  const membersOf: number[][] = limited.map(() => []);
  for (const [port, own] of ofPort.entries()) for (const number of own) membersOf[number].push(port);
  fill(limits.starts, limits.groups, ofPort);
  fill(limits.memberStarts, limits.members, membersOf);
  for (const [number, { connections }] of limited.entries()) limits.most[number] = connections;
  limits.countedAt.fill(-1);
  return limits;
}

/** Lists one behind the other; each begins where the one before ends. */
function fill(starts: Uint32Array, values: Uint16Array, lists: readonly (readonly number[])[]): void {
  for (const [n, list] of lists.entries()) {
    values.set(list, starts[n]);
    starts[n + 1] = starts[n] + list.length;
  }
}
