// The grammar of `taploom tenant`.

import type { Command } from 'commander';
import type { Maker } from './router_program.ts';
import { QUOTA_COLUMNS, TENANT_COLUMNS } from './tenant_columns.ts';

export function addTenants(program: Command, { child, list, action }: Maker): void {
  const tenant = child(program, 'tenant', 'tenants, what they have, and their quotas', []);
  list(child(tenant, 'list', 'all tenants', ['tenant list', 'tenant list --json']), TENANT_COLUMNS).action(
    action((c) => c.tenantList),
  );
  list(
    child(tenant, 'show <tenant>', 'the quotas of one, and what it has of each', ['tenant show acme']),
    QUOTA_COLUMNS,
  ).action(action((c) => c.tenantShow));
}
