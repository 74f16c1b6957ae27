// Numbers of the switch as samples.

import type { Labels, Sample } from './live_metric.ts';

/** None where there is no value. */
export function samples<Thing extends { labels: Labels }>(
  things: readonly Thing[],
  read: (thing: Thing) => number | undefined,
): Sample[] {
  const found: Sample[] = [];
  for (const thing of things) {
    const value = read(thing);
    if (value !== undefined) found.push({ value, shared: thing.labels });
  }
  return found;
}

/** A series exists from its first drop on. */
export function drops(counts: Record<string, number>, shared: Labels): Sample[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => ({ value, labels: { reason }, shared }));
}

export function histogram(name: string, polls: number, sum: number, buckets: [number, number][]): Sample[] {
  // Read without a lock: a bucket may be one poll ahead of the total, and a histogram must not decrease.
  const count = buckets.reduce((most, [, below]) => Math.max(most, below), polls);
  return [
    ...buckets.map(([bound, value]) => ({ name: `${name}_bucket`, labels: { le: String(bound) }, value })),
    { name: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
    { name: `${name}_sum`, value: sum },
    { name: `${name}_count`, value: count },
  ];
}
