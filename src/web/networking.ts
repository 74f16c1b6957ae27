// Networks and routers on the page: what there is comes by itself, and only where there is any; leases, routes, neighbours and
// connections, of which there may be very many, for who asks.

import type {
  LeaseStatus,
  NatConnection,
  NeighbourStatus,
  NetworkStatus,
  RouterInterfaceStatus,
  RouteStatus,
} from '../api.ts';
import { total } from '../rates.ts';
import { ask } from './ask.ts';
import { element, figure, word } from './elements.ts';
import { count, duration } from './numbers.ts';
import { PAGE_ROWS, Search } from './search.ts';
import { setText, Table } from './table.ts';

const time = (seconds: number | undefined) => (seconds === undefined ? '' : duration(seconds));
const bothWays = ({ sent, received }: { sent: number; received: number }) => sent + received;

const networks = new Table<NetworkStatus>(element('networks'), {
  key: ({ network }) => network,
  empty: 'No network',
  columns: [
    word('Network', ({ network }) => network, 'name'),
    word('Mode', ({ mode }) => mode),
    word('Subnet', ({ subnet = '', ipv6 }) => [subnet, ipv6?.subnet ?? ''].join(' ').trim()),
    word('Gateway', ({ gateway = '' }) => gateway, 'extra'),
    word('Uplink', ({ uplink = '' }) => uplink),
    figure({ title: 'Leases', of: ({ dhcp, ipv6 }) => (dhcp?.leases ?? 0) + (ipv6?.dhcp?.leases ?? 0) }),
    {
      title: 'State',
      kind: 'prose',
      text: ({ problems }) => (problems.length === 0 ? 'ready' : problems.join('; ')),
      mark: ({ problems }) => (problems.length === 0 ? 'good' : 'bad'),
    },
  ],
});

const routers = new Table<RouterInterfaceStatus>(element('routers'), {
  key: ({ port }) => port,
  empty: 'No interface',
  columns: [
    word('Interface', ({ port }) => port, 'name'),
    word('Bridge', ({ bridge, vlan }) => (vlan === undefined ? bridge : `${bridge}, VLAN ${vlan}`)),
    {
      title: 'State',
      text: ({ state }) => state,
      order: ({ state }) => state,
      mark: ({ state }) => (state === 'up' ? 'good' : 'bad'),
    },
    word('Addresses', ({ addresses }) => addresses.join(' ')),
    word('MAC address', ({ mac }) => mac, 'extra'),
    figure({ title: 'Neighbours', of: ({ neighbours }) => neighbours }),
    figure({ title: 'Routed', of: ({ counters }) => counters.recirculated }),
    figure({
      title: 'Drops',
      of: ({ counters }) => total(counters.receiveDropped) + total(counters.transmitDropped),
    }),
  ],
});

const leases = new Search<LeaseStatus>(
  'leases',
  new Table(element('leases'), {
    key: ({ network, address }) => `${network} ${address}`,
    empty: 'No such lease',
    columns: [
      word('Address', ({ address }) => address, 'name'),
      word('Name', ({ name = '' }) => name),
      word('MAC address', ({ mac }) => mac),
      word('Network', ({ network }) => network, 'extra'),
      word('Port', ({ port }) => port),
      word('State', ({ state, isFixed }) => (isFixed ? `${state}, fixed` : state)),
      figure({ title: 'Ends in', of: ({ expiresIn = Number.POSITIVE_INFINITY }) => expiresIn }, (left) =>
        Number.isFinite(left) ? duration(left) : 'never',
      ),
    ],
  }),
  async (query) => ({ rows: (await ask('leases', query)).leases }),
);

const routes = new Search<RouteStatus>(
  'routes',
  new Table(element('routes'), {
    key: ({ router, table = 'main', to, type }) => `${router} ${table} ${to} ${type}`,
    empty: 'No such route',
    columns: [
      word('To', ({ to }) => to, 'name'),
      word('Router', ({ router }) => router),
      word('Table', ({ table = 'main' }) => `${table}`, 'extra'),
      word('Type', ({ type }) => type),
      word('By', ({ hops }) => hops.map(wayOf).join(', '), 'prose'),
    ],
  }),
  async (query) => ({ rows: (await ask('routes', query)).routes }),
);

const wayOf = (hop: RouteStatus['hops'][number]) =>
  hop.via === undefined ? hop.interface : `${hop.via} (${hop.interface})`;

const neighbours = new Search<NeighbourStatus>(
  'neighbours',
  new Table(element('neighbours'), {
    key: ({ router, interface: name, address }) => `${router} ${name} ${address}`,
    empty: 'No such neighbour',
    columns: [
      word('Address', ({ address }) => address, 'name'),
      word('MAC address', ({ mac = '' }) => mac),
      word('Interface', (one) => `${one.router}.${one.interface}`),
      {
        title: 'State',
        text: ({ state }) => state,
        order: ({ state }) => state,
        mark: ({ state }) => (state === 'failed' ? 'bad' : ''),
      },
      { title: 'Heard', kind: 'number', text: ({ age }) => time(age), order: ({ age = -1 }) => age },
    ],
  }),
  async (query) => ({ rows: (await ask('neighbours', query)).neighbours }),
);

const connections = new Search<NatConnection>(
  'connections',
  new Table(element('connections'), {
    key: ({ router, protocol, source, destination }) => `${router} ${protocol} ${source} ${destination}`,
    empty: 'No such connection',
    columns: [
      word('From', ({ source }) => source, 'name'),
      word('To', ({ destination }) => destination),
      word('Leaves as', ({ newSource = '' }) => newSource),
      word('Leads to', ({ newDestination = '' }) => newDestination, 'extra'),
      word('Protocol', ({ protocol, state = '' }) => `${protocol} ${state}`.trim()),
      figure({ title: 'Bytes', of: ({ bytes }) => bothWays(bytes) }),
      figure({ title: 'Silent', kind: 'extra', of: ({ idle }) => idle }, duration),
    ],
  }),
  async (query) => {
    const { entries, next } = await ask('nat/connections', { ...query, limit: `${PAGE_ROWS}` });
    return { rows: entries, next };
  },
);

/** Sections of what there is none of are not shown. */
export async function lookAtNetworks(): Promise<void> {
  const [own, { routers: all }] = await Promise.all([ask('networks', {}), ask('routers', {})]);
  const names = all.map(({ name }) => name);
  for (const id of ['of-networks', 'of-leases']) element(id).hidden = own.networks.length === 0;
  for (const id of ['of-routers', 'of-routes', 'of-neighbours']) element(id).hidden = names.length === 0;
  networks.show(own.networks);
  routers.show(all.flatMap(({ interfaces }) => interfaces));
  leases.offer(
    'network',
    own.networks.map(({ network }) => network),
  );
  for (const one of [routes, neighbours]) one.offer('router', names);
  await lookAtNat(names.length > 0);
}

async function lookAtNat(mayBe: boolean): Promise<void> {
  const { routers: all } = mayBe ? await ask('nat', {}) : { routers: [] };
  element('of-connections').hidden = all.length === 0;
  connections.offer(
    'router',
    all.map(({ router }) => router),
  );
  const words = all.map(
    ({ router, connections: open, limit }) => `${router}: ${count(open)} of ${count(limit)} connections`,
  );
  setText(element('nat'), words.join('; '));
}
