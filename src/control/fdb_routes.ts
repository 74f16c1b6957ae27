// The forwarding database in the control API.

import { dropStatic, putStatic } from './edits.ts';
import * as resource from './resources.ts';
import { CHANGE, type Route, route } from './route.ts';

export const FDB_ROUTES: readonly Route[] = [
  route('get', '/v1/fdb', {
    summary: 'The forwarding database, page by page',
    description: 'Repeat with `cursor` set to `next` of the last answer until there is no `next`.',
    query: resource.fdbQuery,
    answer: resource.fdbPage,
    problems: [410],
    handle: ({ sessions }, { query: { cursor, limit, ...filter } }) =>
      cursor === undefined ? sessions.open(filter, limit) : sessions.resume(cursor, limit),
  }),
  route('put', '/v1/fdb', {
    summary: 'Add or replace a static entry',
    body: resource.staticEntry,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { body }) => ({
      results: await changes.change((config) => putStatic(config, body)),
    }),
  }),
  route('delete', '/v1/fdb', {
    summary: 'Delete a static entry',
    query: resource.staticKey,
    answer: resource.results,
    problems: CHANGE,
    handle: async ({ changes }, { query }) => ({
      results: await changes.change((config) => dropStatic(config, query)),
    }),
  }),
  route('post', '/v1/fdb/flush', {
    summary: 'Forget learned entries: all, or those that match',
    body: resource.flushFilter,
    bodyOptional: true,
    answer: resource.flushed,
    handle: async ({ api }, { body }) => ({ flushed: await api.flush(body ?? {}) }),
  }),
];
