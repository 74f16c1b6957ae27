// Aggregates of the configuration -> the engine's table, with what protocols have found out about their members.

import { membersOf } from '../config/members.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { type AggregateTable, BUCKETS, storeDistribution } from '../engine/aggregate_table.ts';
import type { Topology } from '../engine/topology.ts';
import { LAYERS } from '../wire/flow_hash.ts';
import type { Names } from './names.ts';
import { shared } from './shared.ts';

/** What is done with the frames of an aggregate, by names of members. */
export interface Distribution {
  readonly collecting: readonly string[];
  /** By bucket. */
  readonly buckets: readonly (string | undefined)[];
}

/** By name of the aggregate; one that nobody knows takes nothing in and sends nothing. */
export type Distributions = ReadonlyMap<string, Distribution>;

/** Null if there are none. */
export function compileAggregates(
  { bridges }: SwitchConfig,
  ports: Names,
  distributions: Distributions,
): AggregateTable | null {
  const aggregates = Object.values(bridges).flatMap(({ ports }) =>
    Object.entries(ports).flatMap(([name, port]) => (port.type === 'aggregate' ? [{ name, port }] : [])),
  );
  if (aggregates.length === 0) return null;
  const table = shared({
    memberOf: [Int32Array, ports.length],
    rowOf: [Uint16Array, ports.length],
    layers: [Uint16Array, aggregates.length],
    buckets: [Uint16Array, aggregates.length * BUCKETS],
  });
  for (const [row, { name, port }] of aggregates.entries()) {
    const number = ports.number(name);
    table.rowOf[number] = row;
    table.layers[row] = LAYERS[port.hash];
    for (const member of Object.keys(membersOf(port))) table.memberOf[ports.number(member)] = number;
    storeNames(table, ports, name, distributions.get(name));
  }
  return table;
}

/** Stores another distribution while the topology is in force. */
export function storeInForce(
  { aggregates }: Topology,
  ports: Names,
  name: string,
  distribution: Distribution,
): void {
  if (aggregates !== null) storeNames(aggregates, ports, name, distribution);
}

function storeNames(table: AggregateTable, ports: Names, name: string, distribution?: Distribution): void {
  const aggregate = ports.find(name);
  if (distribution === undefined || aggregate === undefined) return;
  /** A member that has gone meanwhile has no number, or another's: it is nobody's. */
  const numberOf = (member: string | undefined) => {
    const number = member === undefined ? undefined : ports.find(member);
    return number !== undefined && (table.memberOf[number] & 0xffff) === aggregate ? number : 0;
  };
  const collecting = new Set(distribution.collecting.map(numberOf));
  storeDistribution(table, aggregate, collecting, distribution.buckets.map(numberOf));
}
