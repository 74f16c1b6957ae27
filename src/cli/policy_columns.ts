// Columns of what `taploom group` and `taploom connections` list.

import { si } from '../amount.ts';
import type { PolicyConnection, SecurityGroupStatus } from '../api.ts';
import type { Columns } from './list.ts';

export const GROUP_COLUMNS: Columns<SecurityGroupStatus> = {
  group: { title: 'GROUP', value: ({ name }) => name },
  in: { title: 'IN', value: (one) => String(one.in), right: true },
  out: { title: 'OUT', value: (one) => String(one.out), right: true },
  connections: {
    title: 'CONNECTIONS',
    value: ({ connections }) => connections,
    text: ({ connections, limit }) => `${connections}${limit === undefined ? '' : `/${limit}`}`,
    right: true,
  },
  ports: { title: 'PORTS', value: ({ ports }) => ports.join(' ') },
  members: { title: 'MEMBERS', value: ({ members }) => members.join(' ') },
};

const amount = (title: string, read: (one: PolicyConnection) => number) => ({
  title,
  value: read,
  text: (one: PolicyConnection) => si(read(one)),
  right: true as const,
});

export const CONNECTION_COLUMNS: Columns<PolicyConnection> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  vlan: { title: 'VLAN', value: ({ vlan }) => (vlan === 0 ? undefined : vlan), right: true },
  protocol: { title: 'PROTOCOL', value: ({ protocol }) => protocol },
  state: { title: 'STATE', value: ({ state }) => state },
  from: { title: 'FROM', value: ({ from }) => from },
  source: { title: 'SOURCE', value: ({ source }) => source },
  to: { title: 'TO', value: ({ to }) => to },
  destination: { title: 'DESTINATION', value: ({ destination }) => destination },
  sent: amount('SENT', ({ bytes }) => bytes.sent),
  received: amount('RECEIVED', ({ bytes }) => bytes.received),
  age: { title: 'AGE', value: ({ age }) => age, right: true },
  expires: { title: 'EXPIRES', value: ({ expires }) => expires, right: true },
};
