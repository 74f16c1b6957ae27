// Routers, their routes and neighbours in the control API.

import { z } from 'zod';
import type { RouteConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { mergePatch } from './merge_patch.ts';
import { flag, patch, results } from './resources.ts';
import { CHANGE, type Route, route } from './route.ts';
import {
  dropInterface,
  dropRoute,
  dropRouter,
  putInterface,
  putRoute,
  putRouter,
  requireInterface,
  requireRouter,
} from './router_edits.ts';
import * as resource from './router_resources.ts';

const exclusive = z.strictObject({ exclusive: flag.describe('fail with 409 if it exists already') });

export const ROUTER_ROUTES: readonly Route[] = [
  route('get', '/v1/routers', {
    summary: 'Routers, with their interfaces and counters',
    answer: resource.routers,
    handle: ({ api }) => ({ routers: api.routing.routers() }),
  }),
  route('get', '/v1/routers/{router}', {
    summary: 'One router: its state and its configuration',
    answer: resource.oneRouter,
    problems: [404],
    handle: ({ api }, { params }) => {
      const config = requireRouter(api.config, params.router);
      const status = api.routing.routers().find(({ name }) => name === params.router);
      if (status === undefined) throw new TaploomError('no_such_router', `No router ${params.router}`);
      return { status, config };
    },
  }),
  route('put', '/v1/routers/{router}', {
    summary: 'Create a router, or replace its configuration',
    query: exclusive,
    document: resource.routerConfig,
    bodyOptional: true,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { params, query, body }) => ({
      results: await changes.change((config) =>
        putRouter(config, params.router, body ?? {}, query.exclusive),
      ),
    }),
  }),
  route('delete', '/v1/routers/{router}', {
    summary: 'Delete a router',
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { params }) => ({
      results: await changes.change((config) => dropRouter(config, params.router)),
    }),
  }),
  route('put', '/v1/routers/{router}/interfaces/{interface}', {
    summary: 'Create an interface of a router, and the router if there is none; or replace it',
    query: exclusive,
    document: resource.interfaceConfig,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { params, query, body }) => ({
      results: await changes.change((config) =>
        putInterface(config, params.router, params.interface, body, query.exclusive),
      ),
    }),
  }),
  route('patch', '/v1/routers/{router}/interfaces/{interface}', {
    summary: 'Change some keys of an interface (RFC 7396: null removes a key)',
    document: patch,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { params, body }) => ({
      results: await changes.change((config) => {
        const before = requireInterface(config, params.router, params.interface);
        return putInterface(config, params.router, params.interface, mergePatch(before, body));
      }),
    }),
  }),
  route('delete', '/v1/routers/{router}/interfaces/{interface}', {
    summary: 'Delete an interface of a router',
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { params }) => ({
      results: await changes.change((config) => dropInterface(config, params.router, params.interface)),
    }),
  }),
  route('get', '/v1/routes', {
    summary: 'Routes, those of subnets and own addresses included',
    query: resource.routeFilter,
    answer: resource.routes,
    problems: [404],
    handle: ({ api }, { query }) => ({ routes: api.routing.routes(query) }),
  }),
  route('get', '/v1/routes/to', {
    summary: 'Which way a packet to an address would take now',
    query: resource.routeQuestion,
    answer: resource.routeAnswer,
    problems: [404],
    handle: ({ api }, { query }) => api.routing.routeTo(query),
  }),
  route('put', '/v1/routes', {
    summary: 'Add a route, or replace the one to the same prefix in the same table',
    body: resource.newRoute,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { body }) => ({
      results: await changes.change((config) =>
        putRoute(config, body as unknown as RouteConfig & { router: string }),
      ),
    }),
  }),
  route('delete', '/v1/routes', {
    summary: 'Delete a route',
    query: resource.routeKey,
    answer: results,
    problems: CHANGE,
    handle: async ({ changes }, { query }) => ({
      results: await changes.change((config) => dropRoute(config, query)),
    }),
  }),
  route('get', '/v1/neighbours', {
    summary: 'Who is behind the interfaces of routers',
    query: resource.neighbourFilter,
    answer: resource.neighbours,
    problems: [404],
    handle: ({ api }, { query }) => ({ neighbours: api.routing.neighbours(query) }),
  }),
  route('post', '/v1/neighbours/flush', {
    summary: 'Forget neighbours: all that are not of the configuration, or those that match',
    body: resource.neighbourFilter,
    bodyOptional: true,
    answer: resource.flushedNeighbours,
    problems: [404],
    handle: ({ api }, { body }) => ({ flushed: api.routing.flush(body ?? {}) }),
  }),
];
