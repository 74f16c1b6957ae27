// Bridges that a command line names have to be there.

import type { FdbFilter } from '../api.ts';
import { ControlError, type SwitchSummary } from '../control/client.ts';
import type { Values } from './setting_values.ts';

/** What belongs to one bridge, which must be there. */
export function ofBridge<Answer extends Pick<SwitchSummary, 'bridges' | 'ports'>>(
  answer: Answer,
  bridge: string,
): Answer {
  known(answer, bridge);
  return {
    ...answer,
    bridges: answer.bridges.filter(({ name }) => name === bridge),
    ports: answer.ports.filter((port) => port.bridge === bridge),
  };
}

export function known({ bridges, ports }: Pick<SwitchSummary, 'bridges' | 'ports'>, bridge: string): void {
  if (bridges.some(({ name }) => name === bridge)) return;
  const port = ports.find(({ name }) => name === bridge);
  const hint = port === undefined ? '' : `; ${bridge} is a port of ${port.bridge}`;
  throw new ControlError('no_such_bridge', `There is no bridge ${bridge}${hint}`);
}

export function filterOf({ port, vlan, mac }: Values, bridge: string | undefined): FdbFilter {
  return { bridge, port, vlan, mac } as FdbFilter;
}
