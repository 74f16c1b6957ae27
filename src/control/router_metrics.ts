// What Prometheus hears of routers.

import type { NatStatus, RouterInterfaceStatus } from '../api.ts';
import type { Labels } from './live_metric.ts';
import { drops, samples } from './metric_samples.ts';
import type { AddMetric, Snapshot } from './metric_snapshot.ts';

export function routerMetrics(add: AddMetric): void {
  const read = (value: (status: RouterInterfaceStatus) => number) => (snapshot: Snapshot) =>
    samples(interfacesOf(snapshot), ({ status }) => value(status));

  add('gauge', 'taploom_router_routes', 'Routes of the configuration.', ({ routers }) =>
    routers.map(({ name, routes }) => ({ value: routes, labels: { router: name } })),
  );
  const ofNat = (value: (status: NatStatus) => number) => (snapshot: Snapshot) =>
    snapshot.nat.map((status) => ({ value: value(status), labels: { router: status.router } }));
  add(
    'gauge',
    'taploom_nat_connections',
    'Connections through a router with NAT.',
    ofNat(({ connections }) => connections),
  );
  add(
    'gauge',
    'taploom_nat_connection_limit',
    'Connections that a router with NAT may have.',
    ofNat(({ limit }) => limit),
  );
  add(
    'gauge',
    'taploom_nat_ports',
    'Outside ports and identifiers that guests hold for all destinations.',
    ofNat(({ ports }) => ports),
  );
  add(
    'gauge',
    'taploom_router_interface_up',
    '1 if the interface is in its bridge, 0 if that is not there.',
    read(({ state }) => Number(state === 'up')),
  );
  add(
    'gauge',
    'taploom_router_neighbours',
    'Addresses behind the interface that are known, or asked for.',
    read(({ neighbours }) => neighbours),
  );
  add(
    'counter',
    'taploom_router_unresolved_total',
    'Packets that waited for a neighbour in vain, who did not answer or for whom another packet waited.',
    read(({ unresolved }) => unresolved),
  );
  const ofAdvertising =
    (value: (one: { sent: number; solicited: number }) => number) => (snapshot: Snapshot) =>
      interfacesOf(snapshot).flatMap(({ status: { advertised }, labels }) =>
        advertised === undefined ? [] : [{ value: value(advertised), labels }],
      );
  add(
    'counter',
    'taploom_router_interface_advertisements_total',
    'Router advertisements that were sent by the interface.',
    ofAdvertising(({ sent }) => sent),
  );
  add(
    'counter',
    'taploom_router_interface_solicitations_total',
    'Router solicitations that were heard at the interface.',
    ofAdvertising(({ solicited }) => solicited),
  );
  add(
    'counter',
    'taploom_router_forwarded_packets_total',
    'Packets that were routed out of the interface.',
    read(({ counters }) => counters.recirculated),
  );
  add(
    'counter',
    'taploom_router_generated_packets_total',
    'Packets that the router said itself at the interface: answers and errors.',
    read(({ counters }) => counters.generated),
  );
  add('counter', 'taploom_router_dropped_total', 'Packets dropped at the interface, by reason.', (snapshot) =>
    interfacesOf(snapshot).flatMap(({ status: { counters }, labels }) => [
      ...drops(counters.receiveDropped, labels),
      ...drops(counters.transmitDropped, labels),
    ]),
  );
}

function interfacesOf({ routers }: Snapshot): { status: RouterInterfaceStatus; labels: Labels }[] {
  return routers.flatMap(({ interfaces }) =>
    interfaces.map((status) => ({
      status,
      labels: { router: status.router, interface: status.name },
    })),
  );
}
