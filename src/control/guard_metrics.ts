// What Prometheus hears of guards. What they refuse is among the drops of their ports.

import type { BindingSource } from '../api.ts';
import type { AddMetric } from './metric_snapshot.ts';

const SOURCES: readonly BindingSource[] = ['static', 'lease', 'dhcp', 'first'];

export function guardMetrics(add: AddMetric): void {
  add(
    'gauge',
    'taploom_guard_bindings',
    'Bindings of the guard of a port, by where they are from.',
    ({ guards }) =>
      guards.flatMap(({ bridge, port, bindings }) =>
        SOURCES.flatMap((from) => {
          const value = bindings.filter((one) => one.from === from).length;
          return value === 0 ? [] : [{ value, labels: { bridge, port, from } }];
        }),
      ),
  );
}
