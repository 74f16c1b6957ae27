// Columns of what `taploom router`, `route` and `neighbour` list.

import { si } from '../amount.ts';
import type { NeighbourStatus, RouterInterfaceStatus, RouteStatus } from '../api.ts';
import type { Columns } from './list.ts';

const total = (dropped: Record<string, number>) =>
  Object.values(dropped).reduce((sum, frames) => sum + frames, 0);

export const ROUTER_COLUMNS: Columns<RouterInterfaceStatus> = {
  router: { title: 'ROUTER', value: ({ router }) => router },
  interface: { title: 'INTERFACE', value: ({ name }) => name },
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  vlan: { title: 'VLAN', value: ({ vlan }) => vlan, right: true },
  mac: { title: 'MAC', value: ({ mac }) => mac },
  mtu: { title: 'MTU', value: ({ mtu }) => mtu, right: true },
  state: { title: 'STATE', value: ({ state }) => state },
  table: { title: 'TABLE', value: ({ table = 'main' }) => table },
  neighbours: { title: 'NEIGHBOURS', value: ({ neighbours }) => neighbours, right: true },
  routed: {
    title: 'ROUTED',
    value: ({ counters }) => counters.recirculated,
    text: ({ counters }) => si(counters.recirculated),
    right: true,
  },
  drops: {
    title: 'DROPS',
    value: ({ counters }) => total(counters.receiveDropped) + total(counters.transmitDropped),
    text: ({ counters }) => si(total(counters.receiveDropped) + total(counters.transmitDropped)),
    right: true,
  },
  address: { title: 'ADDRESS', value: ({ addresses }) => addresses.join(' ') },
};

export const ROUTE_COLUMNS: Columns<RouteStatus> = {
  router: { title: 'ROUTER', value: ({ router }) => router },
  table: { title: 'TABLE', value: ({ table = 'main' }) => table },
  to: { title: 'TO', value: ({ to }) => to },
  type: { title: 'TYPE', value: ({ type }) => type },
  via: {
    title: 'VIA',
    value: ({ hops }) =>
      hops.map((hop) => (hop.via === undefined ? hop.interface : `${hop.via} (${hop.interface})`)).join(', '),
  },
};

export const NEIGHBOUR_COLUMNS: Columns<NeighbourStatus> = {
  router: { title: 'ROUTER', value: ({ router }) => router },
  interface: { title: 'INTERFACE', value: (one) => one.interface },
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  vlan: { title: 'VLAN', value: ({ vlan }) => vlan, right: true },
  address: { title: 'ADDRESS', value: ({ address }) => address },
  mac: { title: 'MAC', value: ({ mac }) => mac },
  state: { title: 'STATE', value: ({ state }) => state },
  age: { title: 'AGE', value: ({ age }) => age && Math.round(age), right: true },
};
