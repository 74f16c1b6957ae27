// Security groups and their connections in the control API.

import { z } from 'zod';
import type { PolicyConnection, PolicyStatus, SecurityGroupStatus } from '../api.ts';
import { TaploomError } from '../error.ts';
import { nextPage, pageCursor, pageLimit } from './resources.ts';
import { type Route, route } from './route.ts';

const count = z.int().nonnegative();
const rules = z.union([count, z.literal('any')]);
const ways = z.object({ sent: z.number(), received: z.number() });

export const securityGroupStatus: z.ZodType<SecurityGroupStatus> = z.object({
  name: z.string(),
  tenant: z.string().optional().describe('whose it is'),
  ports: z.array(z.string()),
  members: z.array(z.string()).describe('addresses and prefixes that it stands for beside its ports'),
  in: rules.describe('how many rules; any: everything is let in'),
  out: rules.describe('the same of what its ports send'),
  connections: count.describe('that its ports have begun, or strangers with them'),
  limit: count.optional().describe('how many there may be; absent: as many as its ports may have'),
});

export const policyStatus: z.ZodType<PolicyStatus> = z.object({
  connections: count,
  limit: count.describe('connections that there may be'),
  portLimit: count.describe('connections that a port may have'),
  ports: z.array(z.object({ port: z.string(), connections: count })),
});

export const policyConnection: z.ZodType<PolicyConnection> = z.object({
  bridge: z.string(),
  vlan: count.describe('0 in a bridge that does not filter VLANs'),
  protocol: z.string().describe("tcp, udp, icmp, icmpv6, sctp, or the protocol's number"),
  state: z.string().optional().describe('of TCP'),
  source: z.string().describe('who began it: address and port, or ICMP identifier'),
  destination: z.string(),
  from: z.string().describe('port by which its packets came last'),
  to: z.string().describe('port by which they left last'),
  packets: ways.describe('from who began it, and back'),
  bytes: ways,
  age: count.describe('seconds since it began'),
  idle: count.describe('seconds since its last packet'),
  expires: count.describe('seconds until it is over if there is no other packet'),
});

const filter = {
  bridge: z.string().optional(),
  port: z.string().optional().describe('one of its ends is behind it'),
  group: z.string().optional().describe('one of its ends is behind a port of this group'),
  protocol: z.string().optional(),
  address: z.string().optional().describe('one of its ends has it'),
};

export const POLICY_ROUTES: readonly Route[] = [
  route('get', '/v1/groups', {
    summary: 'Security groups, their ports and members',
    answer: z.object({ groups: z.array(securityGroupStatus) }),
    handle: ({ api }) => ({ groups: api.policy.groups() }),
  }),
  route('get', '/v1/connections/status', {
    summary: 'How many connections ports in security groups have, and may have',
    answer: policyStatus,
    handle: ({ api }) => api.policy.status(),
  }),
  route('get', '/v1/connections', {
    summary: 'Connections that security groups have let in, page by page',
    description: 'Repeat with `cursor` set to `next` of the last answer until there is no `next`.',
    query: z.strictObject({ ...filter, limit: pageLimit, cursor: pageCursor }),
    answer: z.object({ entries: z.array(policyConnection), next: nextPage }),
    problems: [404, 410],
    handle: ({ api, tracked }, { query: { cursor, limit, ...wish } }) => {
      requireGroup(api.config.groups ?? {}, wish.group);
      return cursor === undefined ? tracked.open(wish, limit) : tracked.resume(cursor, limit);
    },
  }),
  route('delete', '/v1/connections', {
    summary: 'End connections; the next packet of one is asked about as a first one',
    query: z.strictObject(filter),
    answer: z.object({ ended: count }),
    problems: [404],
    handle: ({ api }, { query }) => {
      requireGroup(api.config.groups ?? {}, query.group);
      return { ended: api.policy.endConnections(query) };
    },
  }),
];

function requireGroup(groups: object, name: string | undefined): void {
  if (name !== undefined && !Object.hasOwn(groups, name))
    throw new TaploomError('no_such_group', `There is no security group ${name}`);
}
