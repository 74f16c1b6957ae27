// Errors on the wire: RFC 9457 problem documents. `code` is for programs and stable, `detail` is for people; a bad
// configuration lists all its `problems`, and a change that failed half-way lists the `results` of every action.

import { z } from 'zod';
import { TaploomError } from '../error.ts';
import { actionResult } from './resources.ts';

export const problem = z
  .object({
    type: z.string().describe('about:blank: the HTTP status says what kind of error this is'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('stable word for programs, e.g. port_not_found'),
    detail: z.string().describe('one sentence for people'),
    problems: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('every problem of a bad configuration or request, each with its path'),
    results: z.array(actionResult).optional().describe('what became of each action of a change that failed'),
  })
  .describe('RFC 9457 problem details');
export type Problem = z.infer<typeof problem>;

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Statuses of codes that do not end in one of the endings below. */
const STATUS: Record<string, number> = {
  invalid_config: 400,
  invalid_request: 400,
  invalid_json: 400,
  invalid_mac: 400,
  invalid_address: 400,
  invalid_option: 400,
  invalid_frame: 400,
  invalid_trace: 400,
  wrong_token: 401,
  foreign_site: 403,
  foreign_host: 403,
  body_too_large: 413,
  method_not_allowed: 405,
  cursor_expired: 410,
  kernel_bridge: 409,
  too_many: 409,
  too_many_groups: 409,
  not_snooping: 409,
  closed: 503,
  too_many_streams: 503,
};

/** HTTP status for an error code: `port_exists` and `port_busy` are conflicts, `no_such_bridge` is missing. */
export function statusOf(code: string): number {
  if (STATUS[code] !== undefined) return STATUS[code];
  if (code.startsWith('no_such_') || code === 'not_found') return 404;
  if (code.endsWith('_exists') || code.endsWith('_busy')) return 409;
  return 500;
}

export function toProblem(error: unknown): Problem {
  const code = error instanceof TaploomError ? error.code : 'internal';
  const status = statusOf(code);
  const detail = error instanceof Error ? error.message : String(error);
  const result: Problem = { type: 'about:blank', title: TITLES[status] ?? 'Error', status, code, detail };
  const { problems, results } = error as { problems?: unknown; results?: Problem['results'] };
  if (Array.isArray(problems)) result.problems = problems.map(({ path, message }) => ({ path, message }));
  if (Array.isArray(results)) result.results = results;
  return result;
}

/** A request that does not fit the route's schema. */
export class RequestError extends TaploomError {
  readonly problems: { path: string; message: string }[];

  constructor(where: 'query' | 'body' | 'rule_lines', error: z.ZodError) {
    const problems = error.issues.map(({ path, message }) => ({ path: [where, ...path].join('.'), message }));
    super('invalid_request', problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
    this.problems = problems;
  }
}
