// In which queue of a shaped port a copy would wait, and with whom the port shares the rate of its tenant.

import type { TraceStep } from '../api.ts';
import { classNames } from '../compile/qos.ts';
import { classFor } from '../engine/frame_class.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { causeOf, portCause } from './cause.ts';
import { type Scene, step } from './scene.ts';
import type { SeenCopy } from './sighting.ts';

/** Nothing of a port that is not shaped. */
export function tellQueue(
  { config, topology }: Scene,
  bridge: string,
  name: string,
  copy: SeenCopy,
): TraceStep[] {
  const settings = config.bridges[bridge]?.ports[name];
  const qos = settings !== undefined && 'qos' in settings ? settings.qos : undefined;
  const n = topology.qos?.ports.indexOf(copy.hop & PORT_MASK) ?? -1;
  if (topology.qos === null || n < 0 || qos?.shape === undefined) return [];
  const row = topology.qos.rows[n];
  const { tci, dscpOut, mark, source } = copy;
  const own = classNames(qos)[classFor(topology.qos, row, tci, dscpOut, mark, source)];
  const cause = portCause(config, bridge, name, 'qos');
  const { shape } = qos;
  const rate = typeof shape === 'string' ? shape : shape.rate;
  const queue = step('egress', 'queue', `${name} is shaped to ${rate}: the queue of class ${own}`, cause);
  const tenant = settings?.tenant;
  const limit = tenant === undefined ? undefined : config.tenants?.[tenant]?.shape;
  if (tenant === undefined || limit === undefined) return [queue];
  const above = causeOf(['tenants', tenant, 'shape'], limit, false);
  const text = `${name} shares the rate of tenant ${tenant} with its other shaped ports (${above.text})`;
  return [queue, step('egress', 'tenant_queue', text, above)];
}
