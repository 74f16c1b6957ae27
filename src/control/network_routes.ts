// Networks of bridges and their leases in the control API.

import type { SwitchApi } from '../api.ts';
import { TaploomError } from '../error.ts';
import { requireBridge } from './edits.ts';
import * as resource from './network_resources.ts';
import { type Route, route } from './route.ts';

export const NETWORK_ROUTES: readonly Route[] = [
  route('get', '/v1/networks', {
    summary: 'Networks of bridges, and how they are',
    answer: resource.networks,
    handle: ({ api }) => ({ networks: api.networks() }),
  }),
  route('get', '/v1/leases', {
    summary: 'Addresses that guests have from DHCP',
    query: resource.leaseFilter,
    answer: resource.leases,
    problems: [400, 404],
    handle: ({ api }, { query }) => {
      if (query.bridge !== undefined) requireBridge(api.config, query.bridge);
      requireNetwork(api, query.network);
      return { leases: api.leases(query) };
    },
  }),
  route('delete', '/v1/leases', {
    summary: 'Take addresses from guests: all, or those that match',
    query: resource.leaseFilter,
    answer: resource.endedLeases,
    problems: [400, 404],
    handle: ({ api }, { query }) => {
      if (query.bridge !== undefined) requireBridge(api.config, query.bridge);
      requireNetwork(api, query.network);
      return { ended: api.endLeases(query) };
    },
  }),
];

/** By its name, or that of its bridge. */
function requireNetwork(api: SwitchApi, name: string | undefined): void {
  if (name === undefined || Object.hasOwn(api.config.bridges, name)) return;
  if (!api.networks().some(({ network }) => network === name))
    throw new TaploomError('no_such_network', `There is no network ${name}`);
}
