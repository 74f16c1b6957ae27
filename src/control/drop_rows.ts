// What was dropped, port by port and reason by reason, with what helps.

import type { z } from 'zod';
import type { PortStatus, SwitchApi } from '../api.ts';
import { LOST, lostHelp } from '../event.ts';
import { DROPS } from '../table/drops.ts';
import type * as resource from './resources.ts';
import { tooBigHelp } from './too_big_help.ts';

export function dropRows(
  api: SwitchApi,
  { look }: { look?: boolean },
): z.infer<typeof resource.drops>['drops'] {
  const help = new Map(DROPS.map((drop) => [drop.name, drop.help]));
  const rows = (
    bridge: string,
    port: string,
    side: 'receive' | 'transmit',
    dropped: Record<string, number>,
  ) =>
    Object.entries(dropped)
      .filter(([, frames]) => frames > 0)
      .map(([reason, frames]) => ({ bridge, port, side, reason, frames, help: help.get(reason) ?? '' }));
  const lost = (bridge: string, port: string, type: PortStatus['type'], frames: number) =>
    frames === 0
      ? []
      : [{ bridge, port, side: 'receive' as const, reason: LOST, frames, help: lostHelp(type, port) }];
  return [
    ...api.ports({ look }).flatMap((status) => {
      const { bridge, name, type, queueDropped = 0, counters } = status;
      const sent = rows(bridge, name, 'transmit', counters.transmitDropped);
      const tooBig = sent.find(({ reason }) => reason === 'too_big');
      if (tooBig && (type === 'vxlan' || status.underlay !== undefined)) {
        const isConfigured = api.config.bridges[bridge]?.ports[name]?.mtu === status.mtu;
        tooBig.help = tooBigHelp(status, isConfigured);
      }
      return [
        ...lost(bridge, name, type, queueDropped),
        ...rows(bridge, name, 'receive', counters.receiveDropped),
        ...sent,
      ];
    }),
    ...api.routing
      .routers()
      .flatMap(({ interfaces }) =>
        interfaces.flatMap(({ bridge, port, counters }) => [
          ...rows(bridge, port, 'receive', counters.receiveDropped),
          ...rows(bridge, port, 'transmit', counters.transmitDropped),
        ]),
      ),
    ...rows('', '', 'receive', api.unassignedDrops()),
  ];
}
