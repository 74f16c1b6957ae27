// What the classes of shaped ports match -> bits of classes: by priority, DSCP, VLAN, mark of a rule, and port that a frame came from.
// Who does not ask for one of the last three shares row 0, in which every class takes everything.

import { groupedPorts } from '../config/grouped_ports.ts';
import type { QosMatch as Match } from '../config/qos_shape.ts';
import { parseRange } from '../config/range.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import { DSCPS, MARKS, MAX_CLASSES, NO_DSCP } from '../table/qos_table.ts';
import type { Names } from './names.ts';
import { shared } from './shared.ts';

const VIDS = 4096;
const PCPS = 8;
const ALL = (1 << MAX_CLASSES) - 1;

/** Who asks: a class, or a policer. */
interface Asking {
  match?: Match | undefined;
}

/** Numbers of the ports in a group, by its name. */
export type PortsByGroup = ReadonlyMap<string, readonly number[]>;

/** @param lists classes of each shaped port, or policers of each list */
export function compileMatches(lists: readonly (readonly Asking[])[], groups: PortsByGroup) {
  const pcps = bits(lists, PCPS, false, ({ pcp }) => pcp ?? range(0, PCPS - 1));
  const dscps = bits(lists, DSCPS, false, ({ dscp }) => dscp ?? range(0, NO_DSCP));
  const vlans = bits(lists, VIDS, true, ({ vlan }) => (vlan === undefined ? undefined : vidsOf(vlan)));
  const marks = bits(lists, MARKS, true, ({ mark }) => mark);
  const sources = bits(lists, MAX_PORTS, true, ({ group }) =>
    group === undefined ? undefined : listOf(group).flatMap((name) => groups.get(name) ?? []),
  );
  return {
    ...{ pcps: pcps.bits, dscps: dscps.bits, vlans: vlans.bits, marks: marks.bits, sources: sources.bits },
    ...{ vlanRows: vlans.rows, markRows: marks.rows, sourceRows: sources.rows },
  };
}

/** Ports that a group has by name: who comes from a network or an address of it is not known by the port. */
export function portsByGroup(config: SwitchConfig, ports: Names): PortsByGroup {
  const found = new Map<string, number[]>();
  for (const [name, groups] of groupedPorts(config)) {
    const port = ports.find(name);
    if (port === undefined) continue;
    for (const group of groups) found.set(group, [...(found.get(group) ?? []), port]);
  }
  return found;
}

/** @param sparse whether who does not ask shares row 0 @param read values that a class takes; undefined = all */
function bits(
  lists: readonly (readonly Asking[])[],
  size: number,
  sparse: boolean,
  read: (match: Match) => number | readonly number[] | undefined,
): { bits: Uint8Array; rows: readonly number[] } {
  let count = sparse ? 1 : 0;
  const rows = lists.map((classes) => {
    const asks = classes.some(({ match }) => match !== undefined && read(match) !== undefined);
    return sparse && !asks ? 0 : count++;
  });
  const table = shared({ bits: [Uint8Array, count * size] }).bits;
  if (sparse) table.fill(ALL, 0, size);
  lists.forEach((classes, n) => {
    if (sparse && rows[n] === 0) return;
    const at = rows[n] * size;
    classes.forEach(({ match }, c) => {
      if (match === undefined) return;
      const values = read(match);
      for (const value of values === undefined ? range(0, size - 1) : listOf(values))
        table[at + value] |= 1 << c;
    });
  });
  return { bits: table, rows };
}

function vidsOf(vlan: NonNullable<Match['vlan']>): number[] {
  return listOf(vlan).flatMap((one) => {
    const { from, to } =
      typeof one === 'number' ? { from: one, to: one } : (parseRange(one) as { from: number; to: number });
    return range(from, to);
  });
}

function listOf<One>(value: One | readonly One[]): readonly One[] {
  return Array.isArray(value) ? value : [value as One];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}
