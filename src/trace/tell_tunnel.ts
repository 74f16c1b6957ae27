// What a trace says of control protocols that go through a tunnel: src/engine/tunnelling.ts.

import type { TraceStep } from '../api.ts';
import { COLUMN, MARK } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { VID_MASK } from '../wire/vlan.ts';
import { bridgeCause, portCause } from './cause.ts';
import { domainText, type Scene, step } from './scene.ts';
import type { SeenRow } from './sighting.ts';
import { dropOf } from './tell_classify.ts';

/** Whether a tunnel takes the frame of a row, which goes on in another one. */
export function isTunnelled({ columns }: SeenRow): boolean {
  return (columns[COLUMN.mark] & MARK.tunnelled) !== 0;
}

/** What the tunnel of the ingress port does with a row; undefined: nothing. */
export function tellTunnel(scene: Scene, bridge: string, seen: SeenRow): TraceStep[] | undefined {
  const { config, frame, names } = scene;
  const reason = dropOf(seen.columns[COLUMN.dest]);
  const port = names.port(seen.columns[COLUMN.ingress] & PORT_MASK) ?? scene.port;
  const dst = frame.macs?.dst;
  const address = bridgeCause(config, bridge, 'tunnel_mac');
  if (reason === 'tunnel_mac') {
    const text = `${dst} is the address of tunnels (${address.text}), and no customer’s: dropped, ${reason}`;
    return [step('decide', reason, text, address)];
  }
  const cause = portCause(config, bridge, port, 'tunnel_protocols');
  const why = cause === undefined ? '' : ` (${cause.text})`;
  if (reason === 'tunnel_limit')
    return [
      step(
        'decide',
        reason,
        `${port} sends more of this protocol than it may${why}: dropped, ${reason}`,
        cause,
      ),
    ];
  if (!isTunnelled(seen)) return undefined;
  const text = `A control frame of the customer, for ${dst}: the tunnel carries it as ${address.value}${why}`;
  return [step('decide', 'tunnelled', text, cause)];
}

/** Where the row goes that a tunnel has made. */
export function tellCarried(scene: Scene, bridge: string, { columns }: SeenRow): TraceStep[] {
  if (dropOf(columns[COLUMN.dest]) !== undefined) return [];
  const where = domainText(scene, bridge, columns[COLUMN.tci] & VID_MASK);
  return [step('decide', 'flood', `That is a group, and goes to all of ${where}`)];
}
