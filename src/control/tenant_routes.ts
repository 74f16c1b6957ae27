// Tenants in the control API.

import { z } from 'zod';
import type { TenantStatus } from '../api.ts';
import { type Route, route } from './route.ts';

const count = z.int().nonnegative();
const names = z.array(z.string());

export const tenantStatus: z.ZodType<TenantStatus> = z.object({
  name: z.string(),
  ports: names,
  groups: names,
  networks: names.describe('br0, or br0.10 of a VLAN'),
  used: z.object({
    ports: count.describe('a listening socket counts as many as it may have guests'),
    addresses: count.describe('learned on its ports'),
    rules: count.describe('of its groups, in and out'),
    connections: count.describe('of its ports in groups'),
  }),
  quotas: z.object({
    ports: count.optional(),
    addresses: count.optional(),
    rules: count.optional(),
    connections: count.optional(),
    bandwidth: z.string().optional(),
    shape: z.string().optional(),
  }),
  dropped: z.object({ in: count, out: count }).describe('frames beyond its bandwidth'),
});

export const TENANT_ROUTES: readonly Route[] = [
  route('get', '/v1/tenants', {
    summary: 'Tenants, what they have, and their quotas',
    answer: z.object({ tenants: z.array(tenantStatus) }),
    handle: ({ api }) => ({ tenants: api.tenants() }),
  }),
];
