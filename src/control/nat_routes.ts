// NAT of routers in the control API.

import { z } from 'zod';
import type { NatConnection, NatStatus } from '../api.ts';
import { nextPage, pageCursor, pageLimit } from './resources.ts';
import { type Route, route } from './route.ts';
import { requireRouter } from './router_edits.ts';

const count = z.int().nonnegative();
const end = (what: string) => z.string().describe(what);
const ways = z.object({ sent: z.number(), received: z.number() });

export const natStatus: z.ZodType<NatStatus> = z.object({
  router: z.string(),
  connections: count,
  limit: count.describe('connections that it may have'),
  ports: count.describe('outside ports and identifiers that guests hold for all destinations'),
});

export const natConnection: z.ZodType<NatConnection> = z.object({
  router: z.string(),
  protocol: z.string().describe("tcp, udp, icmp, or the protocol's number"),
  state: z.string().optional().describe('of TCP'),
  source: end('who began it, as his packets came: address and port, or ICMP identifier'),
  destination: z.string(),
  newSource: end('the same as they leave; absent: nothing is translated').optional(),
  newDestination: z.string().optional(),
  packets: ways.describe('from who began it, and back'),
  bytes: ways,
  age: count.describe('seconds since it began'),
  idle: count.describe('seconds since its last packet'),
  expires: count.describe('seconds until it is over if there is no other packet'),
});

const query = z.strictObject({
  router: z.string().optional(),
  protocol: z.string().optional(),
  address: z.string().optional().describe('one of its ends has it'),
  limit: pageLimit,
  cursor: pageCursor,
});

export const NAT_ROUTES: readonly Route[] = [
  route('get', '/v1/nat', {
    summary: 'Routers that translate addresses, and how much of it there is',
    answer: z.object({ routers: z.array(natStatus) }),
    handle: ({ api }) => ({ routers: api.routing.nat() }),
  }),
  route('get', '/v1/nat/connections', {
    summary: 'Connections through routers with NAT, page by page',
    description: 'Repeat with `cursor` set to `next` of the last answer until there is no `next`.',
    query,
    answer: z.object({ entries: z.array(natConnection), next: nextPage }),
    problems: [404, 410],
    handle: ({ api, connections }, { query: { cursor, limit, ...filter } }) => {
      if (filter.router !== undefined) requireRouter(api.config, filter.router);
      return cursor === undefined ? connections.open(filter, limit) : connections.resume(cursor, limit);
    },
  }),
];
