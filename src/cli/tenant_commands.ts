// `taploom tenant`: who has what, and may have.

import { TaploomError } from '../error.ts';
import type { Context } from './context.ts';
import { printList } from './print.ts';
import { QUOTA_COLUMNS, TENANT_COLUMNS } from './tenant_columns.ts';

export async function tenantList(context: Context): Promise<void> {
  const tenants = await context.client.tenants();
  await printList(
    context,
    tenants,
    TENANT_COLUMNS,
    'no tenants; `tenants: { acme: { ports: 10 } }` in the configuration names some',
  );
}

export async function tenantShow(context: Context, name: string): Promise<void> {
  const tenant = (await context.client.tenants()).find((one) => one.name === name);
  if (tenant === undefined)
    throw new TaploomError('no_such_tenant', `There is no tenant ${name}: \`taploom tenant list\` has all`);
  const { used, quotas, dropped } = tenant;
  const row = (quota: string, amount: string, limit: string | number | undefined) => ({
    tenant: name,
    quota,
    used: amount,
    limit: limit?.toString() ?? '',
  });
  const counted = (['ports', 'addresses', 'rules', 'connections'] as const).map((quota) =>
    row(quota, String(used[quota]), quotas[quota]),
  );
  const rows = [
    ...counted,
    row('bandwidth', `${dropped.in + dropped.out} dropped`, quotas.bandwidth),
    row('shape', '', quotas.shape),
  ];
  await printList(context, rows, QUOTA_COLUMNS, '');
}
