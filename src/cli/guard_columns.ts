// Columns of what `taploom guard` lists.

import { si } from '../amount.ts';
import type { GuardBinding, GuardStatus } from '../api.ts';
import type { Columns } from './list.ts';

const sum = ({ refused }: GuardStatus) => Object.values(refused).reduce((total, n) => total + n, 0);

export const GUARD_PORT_COLUMNS: Columns<GuardStatus> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  port: { title: 'PORT', value: ({ port }) => port },
  source: { title: 'SOURCE', value: ({ source, trusted }) => (trusted ? 'trusted' : source) },
  bindings: { title: 'BINDINGS', value: ({ bindings }) => bindings.length, right: true },
  refused: { title: 'REFUSED', value: sum, text: (one) => si(sum(one)), right: true },
  reasons: { title: 'REASONS', value: ({ refused }) => Object.keys(refused).join(' ') },
};

/** A binding, and where it holds. */
export interface PortBinding extends GuardBinding {
  readonly bridge: string;
  readonly port: string;
}

export const GUARD_COLUMNS: Columns<PortBinding> = {
  port: { title: 'PORT', value: ({ port }) => port },
  address: { title: 'ADDRESS', value: ({ ip }) => ip },
  mac: { title: 'MAC', value: ({ mac }) => mac },
  vlan: { title: 'VLAN', value: ({ vlan }) => vlan, right: true },
  from: { title: 'FROM', value: ({ from }) => from },
  expires: {
    title: 'EXPIRES',
    value: ({ expiresIn }) => (expiresIn === undefined ? undefined : Math.round(expiresIn)),
    right: true,
  },
};
