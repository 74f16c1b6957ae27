// Bridges and ports in the control API.

import { z } from 'zod';
import { portIn } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import { dropBridge, dropPort, portNamed, putBridge, putPort, requireBridge, requirePort } from './edits.ts';
import { interfaceExists } from './interfaces.ts';
import { mergePatch } from './merge_patch.ts';
import * as resource from './resources.ts';
import { CHANGE, type Route, route } from './route.ts';

const exclusive = z.strictObject({ exclusive: resource.flag.describe('fail with 409 if it exists already') });
const putPortQuery = exclusive.extend({
  fresh: resource.flag.describe(
    'fail with 409 if the host has an interface of this name: create one, never take one',
  ),
});

export const BRIDGE_ROUTES: readonly Route[] = [
  route('get', '/v1/bridges', {
    summary: 'All bridges',
    answer: resource.bridgeList,
    handle: ({ api }) => ({ bridges: api.bridges() }),
  }),
  route('get', '/v1/bridges/{bridge}', {
    summary: 'One bridge: its state and its configuration',
    answer: resource.bridge,
    problems: [404],
    handle: ({ api }, { params }) => {
      const config = requireBridge(api.config, params.bridge);
      const status = api.bridges().find((bridge) => bridge.name === params.bridge);
      if (status === undefined) throw new TaploomError('no_such_bridge', `No bridge ${params.bridge}`);
      return { status, config };
    },
  }),
  route('put', '/v1/bridges/{bridge}', {
    summary: 'Create a bridge, or replace its configuration',
    query: exclusive,
    document: resource.bridgeConfig,
    bodyOptional: true,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params, query, body }) => ({
      results: await changes.change((config) =>
        putBridge(config, params.bridge, body ?? {}, query.exclusive),
      ),
    }),
  }),
  route('patch', '/v1/bridges/{bridge}', {
    summary: 'Change some keys of a bridge (RFC 7396: null removes a key)',
    document: resource.patch,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params, body }) => ({
      results: await changes.change((config) =>
        putBridge(config, params.bridge, mergePatch(requireBridge(config, params.bridge), body)),
      ),
    }),
  }),
  route('delete', '/v1/bridges/{bridge}', {
    summary: 'Delete a bridge and its ports',
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params }) => ({
      results: await changes.change((config) => dropBridge(config, params.bridge)),
    }),
  }),
  route('get', '/v1/bridges/{bridge}/ports', {
    summary: 'The ports of a bridge',
    answer: resource.portList,
    problems: [404],
    handle: ({ api }, { params }) => {
      requireBridge(api.config, params.bridge);
      return { ports: api.ports().filter((port) => port.bridge === params.bridge) };
    },
  }),
  route('get', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'One port: its state, counters and configuration',
    answer: resource.port,
    problems: [404],
    handle: ({ api }, { params }) => {
      const owner = requireBridge(api.config, params.bridge);
      const name = portNamed(api.config, () => api.ports(), params.bridge, params.port);
      const status = api.ports().find((port) => port.bridge === params.bridge && port.name === name);
      if (status === undefined) {
        throw new TaploomError('no_such_port', `Bridge ${params.bridge} has no port ${params.port}`);
      }
      return { status, config: portIn(owner, name) };
    },
  }),
  route('put', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'Create a port, or replace its configuration',
    query: putPortQuery,
    document: resource.portConfig,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { params, query, body }) => ({
      results: await changes.change((config) => {
        const wanted = putPort(config, params.bridge, params.port, body, query.exclusive);
        if (query.fresh && isHere(body) && interfaceExists(params.port)) {
          throw new TaploomError(
            'interface_exists',
            `Cannot create interface ${params.port}: it exists already`,
          );
        }
        return wanted;
      }),
    }),
  }),
  route('patch', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'Change some keys of a port (RFC 7396: null removes a key)',
    document: resource.patch,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ api, changes }, { params, body }) => ({
      results: await changes.change((config) => {
        const name = portNamed(config, () => api.ports(), params.bridge, params.port);
        const port = requirePort(config, params.bridge, name);
        return putPort(config, params.bridge, name, mergePatch(port, body));
      }),
    }),
  }),
  route('delete', '/v1/bridges/{bridge}/ports/{port}', {
    summary: 'Delete a port',
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ api, changes }, { params }) => ({
      results: await changes.change((config) => {
        const name = portNamed(config, () => api.ports(), params.bridge, params.port);
        return dropPort(config, params.bridge, name);
      }),
    }),
  }),
  route('post', '/v1/bridges/{bridge}/ports/{port}/enable', {
    summary: 'Try a port that is disabled for an error again, before its time',
    answer: resource.enabled,
    problems: [404],
    handle: async ({ api }, { params }) => {
      const name = portNamed(api.config, () => api.ports(), params.bridge, params.port);
      requirePort(api.config, params.bridge, name);
      return { enabled: await api.enablePort(name) };
    },
  }),
];

/** Interfaces of other namespaces are not looked at: who names one looks there. */
function isHere(port: unknown): boolean {
  return (port as { netns?: unknown } | null | undefined)?.netns === undefined;
}
