// Access lists in the control API.

import { z } from 'zod';
import type { AclPlace, AclRuleStatus, AclRules, AclStatus } from '../api.ts';
import { VERDICTS } from '../config/acl_shape.ts';
import { type Route, route } from './route.ts';

const count = z.int().nonnegative();

const place: z.ZodType<AclPlace> = z.object({
  bridge: z.string(),
  port: z.string().optional().describe("of a port; the bridge's own name: of its local interface"),
  vlan: z.int().optional().describe('of a VLAN'),
  side: z.enum(['in', 'out']),
});

const status = {
  name: z.string(),
  rules: count.describe('how many'),
  places: z.array(place).describe('empty: nobody asks it'),
  permitted: count.describe('frames that its rules or its end let pass'),
  denied: count,
};

const rule: z.ZodType<AclRuleStatus> = z.object({
  rule: z.int().optional().describe('from 1 on; absent: of the end'),
  path: z.string().optional(),
  file: z
    .string()
    .optional()
    .describe('that it came from; absent: it was changed since, or came by other means'),
  line: z.int().optional().describe('of the file'),
  verdict: z.enum(VERDICTS),
  match: z.unknown().describe('as the configuration says it; of the end a text'),
  mark: z.int().optional(),
  mirror: z.string().optional(),
  police: z.unknown().optional(),
  log: z.boolean().optional(),
  frames: count,
  bytes: count,
  exceeded: count.optional().describe('frames beyond the rate of `police`'),
});

export const aclStatus: z.ZodType<AclStatus> = z.object(status);
export const aclRules: z.ZodType<AclRules> = z.object({
  ...status,
  list: z.array(rule).describe('in their order; the last two are the end'),
});

export const ACL_ROUTES: readonly Route[] = [
  route('get', '/v1/acls', {
    summary: 'Access lists, where they are, and what they did',
    answer: z.object({ acls: z.array(aclStatus) }),
    handle: ({ api }) => ({ acls: api.acls.lists() }),
  }),
  route('get', '/v1/acls/{acl}', {
    summary: 'Rules of an access list, and how often they fitted',
    answer: aclRules,
    problems: [404],
    handle: ({ api }, { params: { acl } }) => api.acls.list(acl),
  }),
  route('post', '/v1/acls/reset', {
    summary: 'Count anew, in one list or in all',
    body: z.strictObject({ acl: z.string().optional() }),
    bodyOptional: true,
    answer: z.object({ lists: count.describe('whose counters begin at 0') }),
    problems: [404],
    handle: ({ api }, { body }) => ({ lists: api.acls.reset(body?.acl) }),
  }),
];
