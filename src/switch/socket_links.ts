// What the switch does for sockets of ports: their connections to the data plane, and their guests as ports.

import { bridgeOf } from '../config/without_ports.ts';
import type { SocketLinks } from '../device/sockets.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import type { Reconfiguration } from './reconfiguration.ts';
import type { SwitchNews } from './switch_news.ts';

export interface SocketLinksParts {
  readonly plane: PlaneClient;
  readonly events: SwitchNews;
  readonly reconfiguration: Reconfiguration;
  enqueue<T>(task: () => Promise<T>): Promise<T>;
  isClosed(): boolean;
  linkChanged(port: string): void;
}

export function socketLinks(parts: SocketLinksParts): SocketLinks {
  const { plane, events, reconfiguration, enqueue, isClosed, linkChanged } = parts;
  return {
    enqueue,
    connect: async (port, fd) => {
      await plane.request({ kind: 'connect', port, fd });
    },
    changed: (port, reason) => {
      events.portChanged(port, reason);
      linkChanged(port);
    },
    regroup: async () => {
      if (!isClosed()) await reconfiguration.regroup();
    },
    told: (port, guestOf, change, reason) => {
      const bridge = bridgeOf(reconfiguration.whole, port);
      if (bridge !== undefined) events.add({ type: 'port', change, bridge, port, reason, guestOf });
    },
  };
}
