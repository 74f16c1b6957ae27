// What the switch answers to the page: docs/http-api.md.

import type {
  BridgeStatus,
  FdbEntry,
  LeaseStatus,
  NatConnection,
  NatStatus,
  NeighbourStatus,
  NetworkStatus,
  PortStatus,
  RouterStatus,
  RouteStatus,
} from '../api.ts';
import type { SwitchEvent } from '../event.ts';

export interface SwitchStatus {
  version: string;
  pid: number;
  uptimeSeconds: number;
  bridges: BridgeStatus[];
  ports: PortStatus[];
}

export interface Drop {
  /** Empty, as `port` is: frames that belong to no port. */
  bridge: string;
  port: string;
  side: 'receive' | 'transmit';
  reason: string;
  frames: number;
  help: string;
}

export interface Answers {
  switch: SwitchStatus;
  drops: { drops: Drop[] };
  events: { events: SwitchEvent[] };
  fdb: { entries: FdbEntry[]; next?: string };
  networks: { networks: NetworkStatus[] };
  leases: { leases: LeaseStatus[] };
  routers: { routers: RouterStatus[] };
  routes: { routes: RouteStatus[] };
  neighbours: { neighbours: NeighbourStatus[] };
  nat: { routers: NatStatus[] };
  'nat/connections': { entries: NatConnection[]; next?: string };
}
