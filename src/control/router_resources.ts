// Routers, routes and neighbours as the control socket tells them, as schemas: see resources.ts.

import { z } from 'zod';
import type {
  NeighbourFilter,
  NeighbourStatus,
  RouteAnswer,
  RouterInterfaceStatus,
  RouterStatus,
  RouteStatus,
} from '../api.ts';
import { router as routerShape } from '../config/router_shape.ts';
import { count } from './counts.ts';
import { portCounters } from './resources.ts';

export const routerConfig = routerShape;
export const interfaceConfig = routerShape.shape.interfaces.unwrap().valueType;
export const routeConfig = routerShape.shape.routes.unwrap().element;

const table = z.int().optional().describe('absent: the main table');

export const interfaceStatus: z.ZodType<RouterInterfaceStatus> = z.object({
  router: z.string(),
  name: z.string(),
  port: z.string().describe('what it is called among ports'),
  bridge: z.string(),
  vlan: z.int().optional(),
  addresses: z.array(z.string()).describe('with the bits of their subnets'),
  linkLocal: z.string().optional(),
  mac: z.string(),
  mtu: count,
  table,
  state: z.enum(['up', 'down']).describe('down: its bridge is not there'),
  neighbours: count.describe('addresses that are known, or asked for'),
  unresolved: count.describe('packets that waited for a neighbour in vain'),
  advertised: z
    .object({ sent: count, solicited: count })
    .optional()
    .describe('router advertisements sent, and solicitations heard; absent: it does not advertise'),
  counters: portCounters,
});
export const routerStatus: z.ZodType<RouterStatus> = z.object({
  name: z.string(),
  interfaces: z.array(interfaceStatus),
  routes: count.describe('of the configuration'),
});
export const routers = z.object({ routers: z.array(routerStatus) });
export const oneRouter = z.object({ status: routerStatus, config: routerConfig });

export const routeStatus: z.ZodType<RouteStatus> = z.object({
  router: z.string(),
  table,
  to: z.string(),
  type: z.enum(['connected', 'local', 'broadcast', 'static', 'blackhole', 'unreachable', 'prohibit']),
  hops: z
    .array(z.object({ interface: z.string(), via: z.string().optional() }))
    .describe('one is chosen for each flow; without `via` the destinations are behind the interface'),
});
export const routes = z.object({ routes: z.array(routeStatus) });

/** A query string has only text. */
const tableNumber = z
  .string()
  .regex(/^\d{1,5}$/, 'not the number of a table')
  .transform(Number);
export const routeFilter = z.strictObject({ router: z.string().optional(), table: tableNumber.optional() });
export const routeKey = z.strictObject({ router: z.string(), to: z.string(), table: tableNumber.optional() });
export const newRoute = z
  .looseObject({ router: z.string() })
  .describe('`router`, and the keys of a route in the configuration');

export const routeQuestion = z.strictObject({
  router: z.string(),
  address: z.string(),
  interface: z.string().optional().describe('of what comes in by this one'),
});
export const routeAnswer: z.ZodType<RouteAnswer> = z.object({
  router: z.string(),
  address: z.string(),
  to: z.string().optional().describe('the prefix that matches'),
  type: z.enum(['forward', 'local', 'broadcast', 'blackhole', 'unreachable', 'prohibit', 'none']),
  hops: z.array(
    z.object({
      interface: z.string(),
      via: z.string().optional(),
      mac: z.string().optional().describe('of the next hop, if it is known'),
      mtu: count,
    }),
  ),
});

export const neighbourStatus: z.ZodType<NeighbourStatus> = z.object({
  router: z.string(),
  interface: z.string(),
  bridge: z.string(),
  vlan: z.int().optional(),
  address: z.string(),
  mac: z.string().optional(),
  state: z
    .enum(['incomplete', 'reachable', 'stale', 'delay', 'probe', 'failed', 'permanent'])
    .describe('RFC 4861, 7.3.2; failed: did not answer; permanent: of the configuration'),
  age: z.number().optional().describe('seconds since it said where it is'),
});
export const neighbours = z.object({ neighbours: z.array(neighbourStatus) });
export const neighbourFilter = z.strictObject({
  router: z.string().optional(),
  interface: z.string().optional(),
  address: z.string().optional(),
}) satisfies z.ZodType<NeighbourFilter>;
export const flushedNeighbours = z.object({ flushed: count });
