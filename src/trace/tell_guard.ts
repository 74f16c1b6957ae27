// What a trace says of a frame that a guard refuses: why, by which guard, and in which VLAN where bindings may be of one.

import type { TraceStep } from '../api.ts';
import { DOMAIN_SHIFT, VLAN_STRIDE, vlanOfTag } from '../engine/topology.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { DROPS, type DropName } from '../table/drops.ts';
import { tag } from '../wire/vlan.ts';
import { bridgeCause, portCause } from './cause.ts';
import { type Scene, step } from './scene.ts';

/** Those that bindings decide. */
const OF_BINDINGS: ReadonlySet<DropName> = new Set([
  'spoofed_mac',
  'spoofed_ip',
  'arp_spoofed',
  'nd_spoofed',
]);

export function tellGuard(scene: Scene, columns: Int32Array, reason: DropName): TraceStep {
  const { bridge, port, config } = scene;
  const help = DROPS.find(({ name }) => name === reason)?.help ?? '';
  const cause = portCause(config, bridge, port, 'guard');
  if (cause?.value === undefined) return step('classify', reason, `${help}: dropped, ${reason}`);
  const isFiltering = bridgeCause(config, bridge, 'vlan_filtering').value === true;
  const vlan = isFiltering && OF_BINDINGS.has(reason) ? vlanOf(scene, columns) : 0;
  const where = vlan === 0 ? '' : `, in VLAN ${vlan}`;
  return step('classify', reason, `${help}${where} (${cause.text}): dropped, ${reason}`, cause);
}

/** As the guard sees it, before tags are taken off. */
function vlanOf({ topology, frame }: Scene, columns: Int32Array): number {
  const number = columns[COLUMN.ingress] & PORT_MASK;
  const [outer] = frame.tags;
  const vid = vlanOfTag(topology, number, outer === undefined ? 0 : tag(outer.tpid, outer.vlan));
  return topology.domainVid[topology.vlan[number * VLAN_STRIDE + vid] >>> DOMAIN_SHIFT];
}
