// Columns of what `taploom tenant` lists.

import { si } from '../amount.ts';
import type { TenantStatus } from '../api.ts';
import type { Columns } from './list.ts';

type Counted = keyof TenantStatus['used'];

/** `12/20`: used, and the quota where there is one. */
const quota = (title: string, key: Counted) => ({
  title,
  value: ({ used }: TenantStatus) => used[key],
  text: ({ used, quotas }: TenantStatus) =>
    `${si(used[key])}${quotas[key] === undefined ? '' : `/${si(quotas[key])}`}`,
  right: true as const,
});

export const TENANT_COLUMNS: Columns<TenantStatus> = {
  tenant: { title: 'TENANT', value: ({ name }) => name },
  ports: quota('PORTS', 'ports'),
  addresses: quota('ADDRESSES', 'addresses'),
  rules: quota('RULES', 'rules'),
  connections: quota('CONNECTIONS', 'connections'),
  bandwidth: { title: 'BANDWIDTH', value: ({ quotas }) => quotas.bandwidth },
  shape: { title: 'SHAPE', value: ({ quotas }) => quotas.shape },
  dropped: {
    title: 'DROPPED',
    value: ({ dropped }) => dropped.in + dropped.out,
    text: ({ dropped }) => si(dropped.in + dropped.out),
    right: true,
  },
  groups: { title: 'GROUPS', value: ({ groups }) => groups.join(' ') },
  networks: { title: 'NETWORKS', value: ({ networks }) => networks.join(' ') },
};

export interface QuotaRow {
  tenant: string;
  quota: string;
  used: string;
  limit: string;
}

export const QUOTA_COLUMNS: Columns<QuotaRow> = {
  quota: { title: 'QUOTA', value: ({ quota }) => quota },
  used: { title: 'USED', value: ({ used }) => used, right: true },
  limit: { title: 'LIMIT', value: ({ limit }) => limit, right: true },
};
