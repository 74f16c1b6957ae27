// Multicast snooping and groups in the control API.

import { dropGroup, putGroup, requireBridge } from './edits.ts';
import * as resource from './multicast_resources.ts';
import { flushed, results } from './resources.ts';
import { CHANGE, type Route, route } from './route.ts';

export const MULTICAST_ROUTES: readonly Route[] = [
  route('get', '/v1/multicast', {
    summary: 'Queriers and router ports by VLAN, and counters of ports, of bridges that snoop',
    query: resource.multicastQuery,
    answer: resource.multicast,
    problems: [404],
    handle: ({ api }, { query: { bridge } }) => {
      if (bridge !== undefined) requireBridge(api.config, bridge);
      const ports = api.multicastPorts().filter((port) => (bridge ?? port.bridge) === port.bridge);
      return { vlans: api.multicastVlans(bridge), ports };
    },
  }),
  route('get', '/v1/mdb', {
    summary: 'Multicast groups by port, of bridges that snoop, page by page',
    description: 'Repeat with `cursor` set to `next` of the last answer until there is no `next`.',
    query: resource.mdbQuery,
    answer: resource.mdbPage,
    problems: [404, 410],
    handle: ({ api, groups }, { query: { cursor, limit, ...filter } }) => {
      if (filter.bridge !== undefined) requireBridge(api.config, filter.bridge);
      return cursor === undefined ? groups.open(filter, limit) : groups.resume(cursor, limit);
    },
  }),
  route('put', '/v1/mdb', {
    summary: 'Put a port into a group for ever: an entry of `multicast.static`',
    body: resource.groupEntry,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { body }) => ({
      results: await changes.change((config) => putGroup(config, body)),
    }),
  }),
  route('delete', '/v1/mdb', {
    summary: 'Delete such an entry',
    query: resource.groupKey,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { query }) => ({
      results: await changes.change((config) => dropGroup(config, query)),
    }),
  }),
  route('post', '/v1/mdb/join', {
    summary: "Join a group for a port, as long as a host's report would hold",
    body: resource.groupWish,
    answer: resource.joined,
    problems: [404, 409],
    handle: ({ api }, { body }) => {
      api.joinGroup(body);
      return { joined: body.group };
    },
  }),
  route('post', '/v1/mdb/flush', {
    summary: 'Forget what hosts have joined: all, or what matches',
    body: resource.groupFlushFilter,
    bodyOptional: true,
    answer: flushed,
    handle: ({ api }, { body }) => ({ flushed: api.flushGroups(body ?? {}) }),
  }),
];
