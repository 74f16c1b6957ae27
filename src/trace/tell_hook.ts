// What a trace says of hooks: of a real frame whether one refused it, of a tried one only that they would be asked. A hook is
// somebody's program, with a memory of its own, so nobody asks it for the sake of a trace.

import type { TraceStep } from '../api.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { type Scene, step } from './scene.ts';
import type { SeenRow } from './sighting.ts';
import { dropOf } from './tell_classify.ts';

/** Relies on it that `classify` let the frame pass. */
export function tellHooks(
  { topology, names, port, isLive }: Scene,
  { columns, decided }: SeenRow,
): TraceStep[] {
  const ids = topology.hooks?.chains.get(columns[COLUMN.ingress] & PORT_MASK) ?? [];
  if (ids.length === 0) return [];
  const nameOf = (id: number) => names.hook(id) ?? 'a hook that is gone';
  const all = ids.map(nameOf).join(', ');
  const what = ids.length === 1 ? `hook ${all}` : `hooks ${all}`;
  if (dropOf(decided) === 'hook')
    return [step('hook', 'hook', `${nameOf(columns[COLUMN.user])} refused it: dropped, hook`)];
  if (isLive) return [step('hook', 'passed', `It passed the ${what} of ${port}, as it is from here on`)];
  const text = `The ${what} of ${port} would be asked, and may change or drop it: a trace does not ask, and goes on`;
  return [step('hook', 'not_asked', text)];
}
