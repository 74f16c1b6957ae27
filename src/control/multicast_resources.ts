// What multicast snooping knows as the control socket tells it, as schemas: see resources.ts.

import { z } from 'zod';
import type { GroupWish, MdbEntry, MulticastPort, MulticastVlan } from '../api.ts';
import { unicastIp } from '../config/ip_leaf.ts';
import { staticGroup } from '../config/shape.ts';
import { count, malformed, vlanId } from './counts.ts';
import { nextPage, numeric, pageCursor, pageLimit } from './resources.ts';

const expiresIn = z.number().optional().describe('seconds; absent = it stays');
export const mdbEntry: z.ZodType<MdbEntry> = z.object({
  bridge: z.string(),
  vlan: vlanId.describe('0 in a bridge that does not filter VLANs'),
  group: z.string(),
  port: z.string(),
  type: z.enum(['static', 'dynamic']),
  mode: z.enum(['include', 'exclude']).describe('only these sources, or all but those that are blocked'),
  sources: z.array(z.object({ address: z.string(), isBlocked: z.boolean(), expiresIn })),
  expiresIn,
  hosts: z.array(z.string()).optional().describe('of IGMPv3 and MLDv2, on a port that leaves fast'),
});

export const multicastVlan: z.ZodType<MulticastVlan> = z.object({
  bridge: z.string(),
  vlan: vlanId,
  protocol: z.enum(['igmp', 'mld']),
  isActive: z.boolean().describe('frames to groups go to their members only: while there is a querier'),
  querier: z
    .object({ address: z.string(), port: z.string().optional(), expiresIn })
    .optional()
    .describe('without a port it is the switch itself'),
  routers: z.array(z.object({ port: z.string(), type: z.enum(['permanent', 'temporary']), expiresIn })),
  groups: count,
});

export const multicastPort: z.ZodType<MulticastPort> = z.object({
  bridge: z.string(),
  port: z.string(),
  groups: count,
  reports: count,
  queries: count,
  hellos: count,
  refused: count.describe('groups that were not joined because of a limit'),
  malformed,
});

export const multicastQuery = z.strictObject({ bridge: z.string().optional() });
export const multicast = z.object({ vlans: z.array(multicastVlan), ports: z.array(multicastPort) });

const groupFilter = z.strictObject({
  bridge: z.string().optional(),
  port: z.string().optional(),
  vlan: vlanId.optional(),
  group: z.string().optional(),
});
export const groupFlushFilter = z.strictObject({
  ...groupFilter.shape,
  source: z.string().optional().describe('only this source of the groups'),
});
export const mdbQuery = z.strictObject({
  ...groupFilter.shape,
  vlan: numeric.pipe(vlanId).optional(),
  limit: pageLimit,
  cursor: pageCursor,
});
export const mdbPage = z.object({ entries: z.array(mdbEntry), next: nextPage });
export const groupEntry = z.strictObject({ bridge: z.string(), ...staticGroup.shape });
export const groupKey = z.strictObject({ ...groupEntry.shape, vlan: numeric.pipe(vlanId).optional() });
export const groupWish = z
  .strictObject({
    ...groupEntry.omit({ source: true }).shape,
    mode: z.enum(['include', 'exclude']).optional(),
    sources: z.array(unicastIp).max(32).optional(),
  })
  .refine(
    ({ group, sources = [] }) => sources.every((source) => source.includes(':') === group.includes(':')),
    { path: ['sources'], error: 'not of the family of the group' },
  ) satisfies z.ZodType<GroupWish>;
export const joined = z.object({ joined: z.string() });
