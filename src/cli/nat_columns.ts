// Columns of what `taploom nat` lists.

import { si } from '../amount.ts';
import type { NatConnection, NatStatus } from '../api.ts';
import type { Columns } from './list.ts';

export const NAT_STATUS_COLUMNS: Columns<NatStatus> = {
  router: { title: 'ROUTER', value: ({ router }) => router },
  connections: { title: 'CONNECTIONS', value: ({ connections }) => connections, right: true },
  limit: { title: 'LIMIT', value: ({ limit }) => limit, right: true },
  ports: { title: 'PORTS', value: ({ ports }) => ports, right: true },
};

const amount = (title: string, read: (one: NatConnection) => number) => ({
  title,
  value: read,
  text: (one: NatConnection) => si(read(one)),
  right: true as const,
});

export const NAT_COLUMNS: Columns<NatConnection> = {
  router: { title: 'ROUTER', value: ({ router }) => router },
  protocol: { title: 'PROTOCOL', value: ({ protocol }) => protocol },
  state: { title: 'STATE', value: ({ state }) => state },
  source: { title: 'SOURCE', value: ({ source }) => source },
  destination: { title: 'DESTINATION', value: ({ destination }) => destination },
  new_source: { title: 'NEW SOURCE', value: ({ newSource }) => newSource },
  new_destination: { title: 'NEW DESTINATION', value: ({ newDestination }) => newDestination },
  sent: amount('SENT', ({ bytes }) => bytes.sent),
  received: amount('RECEIVED', ({ bytes }) => bytes.received),
  age: { title: 'AGE', value: ({ age }) => age, right: true },
  expires: { title: 'EXPIRES', value: ({ expires }) => expires, right: true },
};
