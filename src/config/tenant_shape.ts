// The shape of tenants: names for whom ports, groups and networks are, and how much each may have. What spans keys: tenants.ts.

import { z } from 'zod';
import { placedAcls } from './acl_shape.ts';
import { parseRate } from './amounts.ts';
import { groupNames } from './group_shape.ts';
import { expecting, integer, mapping, text } from './leaves.ts';
import { tenantName } from './tenant_name.ts';

const MIN_BITS = 8000;
const MAX_BITS = 400e9;
const MOST = 4_000_000;

const rate = text('a rate (8kbit-400gbit), such as 1gbit', (value) => {
  const parsed = parseRate(value);
  return parsed?.unit === 'bits' && parsed.amount >= MIN_BITS && parsed.amount <= MAX_BITS;
});
const tenant = mapping({
  ports: integer('a number of ports (1-65535)', 1, 65_535).optional(),
  addresses: integer(`a number of addresses (1-${MOST})`, 1, MOST).optional(),
  rules: integer(`a number of rules (1-${MOST})`, 1, MOST).optional(),
  connections: integer(`a number of connections (1-${MOST})`, 1, MOST).optional(),
  bandwidth: rate.optional(),
  shape: rate.optional(),
});

export const tenants = z.record(tenantName, tenant, expecting('a mapping of names to tenants'));

/** Whose a port is, and which rules are about it. */
export const belongings = {
  groups: groupNames.optional(),
  acls: placedAcls.optional(),
  tenant: tenantName.optional(),
};

export type TenantConfig = z.output<typeof tenant>;
export type TenantsConfig = Record<string, TenantConfig>;
