// What Prometheus hears of protocols of ports: LLDP, spanning trees, multicast snooping, link aggregation.

import type {
  AggregateCounters,
  AggregateMemberStatus,
  LldpCounters,
  LldpPortStatus,
  MulticastPort,
  StpCounters,
  StpPortStatus,
} from '../api.ts';
import type { Labels } from './live_metric.ts';
import { drops, samples } from './metric_samples.ts';
import type { AddMetric, Port, Snapshot } from './metric_snapshot.ts';

const STP_ROLES = [
  'disabled',
  'root',
  'designated',
  'alternate',
  'backup',
] as const satisfies StpPortStatus['role'][];
const STP_STATES = [
  'disabled',
  'blocking',
  'listening',
  'learning',
  'forwarding',
] as const satisfies StpPortStatus['state'][];

export function protocolMetrics(add: AddMetric): void {
  lldpMetrics(add);
  stpMetrics(add);
  multicastMetrics(add);
  aggregateMetrics(add);
}

function lldpMetrics(add: AddMetric): void {
  const read = (value: (status: LldpPortStatus) => number) => (snapshot: Snapshot) =>
    samples(snapshot.lldp, ({ status }) => value(status));
  const total = (name: string, help: string, key: keyof LldpCounters) =>
    add(
      'counter',
      `taploom_lldp_${name}_total`,
      help,
      read(({ counters }) => counters[key]),
    );

  add(
    'gauge',
    'taploom_lldp_neighbors',
    'Neighbours that LLDP has found on the port.',
    read(({ neighbors }) => neighbors),
  );
  total('receive_frames', 'LLDP frames received.', 'framesIn');
  total('transmit_frames', 'LLDP frames sent.', 'framesOut');
  total(
    'receive_discarded',
    'LLDP frames received that were malformed, or of neighbours for whom there is no room.',
    'framesDiscarded',
  );
  total('receive_errors', 'LLDP frames received with any error.', 'framesInErrors');
  total('transmit_failed', 'LLDP frames that the data plane had no room for.', 'framesNotSent');
  total('neighbors_aged_out', 'Neighbours that fell silent.', 'ageouts');
  total('neighbors_refused', 'LLDP frames of neighbours for whom there is no room.', 'neighborsRefused');
}

function stpMetrics(add: AddMetric): void {
  const one = (name: string, values: readonly string[], help: string, key: 'role' | 'state') =>
    add('gauge', `taploom_stp_port_${name}`, help, ({ inTree }) =>
      inTree.flatMap(({ status: { stp }, labels }) =>
        stp === undefined
          ? []
          : values.map((value) => ({
              value: stp[key] === value ? 1 : 0,
              labels: { [name]: value },
              shared: labels,
            })),
      ),
    );
  const total = (name: string, help: string, key: Exclude<keyof StpCounters, 'malformed'>) =>
    add('counter', `taploom_stp_${name}_total`, help, ({ inTree }) =>
      samples(inTree, ({ status }) => status.stp?.counters[key]),
    );

  one('role', STP_ROLES, '1 for the role of the port in the spanning tree, 0 for the others.', 'role');
  one('state', STP_STATES, '1 for the spanning tree state of the port, 0 for the others.', 'state');
  add(
    'gauge',
    'taploom_stp_root_path_cost',
    'Cost of the way to the root of the spanning tree; 0: the bridge is the root.',
    ({ bridges }) => samples(bridges, ({ status }) => status.stp?.rootPathCost),
  );
  total('receive_bpdus', 'BPDUs received.', 'bpdusReceived');
  add('counter', 'taploom_stp_malformed_total', 'BPDUs received without use, by reason.', ({ inTree }) =>
    inTree.flatMap(({ status, labels }) => drops(status.stp?.counters.malformed ?? {}, labels)),
  );
  total('transmit_bpdus', 'BPDUs sent.', 'bpdusSent');
  total('transmit_failed', 'BPDUs that the data plane had no room for.', 'bpdusNotSent');
  total('topology_changes', 'Changes of the topology that the port made itself.', 'topologyChanges');
  total('forward_transitions', 'How often the port began to forward.', 'forwardTransitions');
}

function multicastMetrics(add: AddMetric): void {
  const read = (value: (status: MulticastPort) => number) => (snapshot: Snapshot) =>
    samples(snapshot.multicast, ({ status }) => value(status));
  const total = (name: 'reports' | 'queries' | 'hellos' | 'refused', help: string) =>
    add(
      'counter',
      `taploom_multicast_${name}_total`,
      help,
      read((status) => status[name]),
    );
  const groups = 'Multicast groups that the port is a member of, over all its VLANs.';
  add(
    'gauge',
    'taploom_multicast_groups',
    groups,
    read((status) => status.groups),
  );
  total('reports', 'IGMP and MLD reports heard on the port.');
  total('queries', 'IGMP and MLD queries heard on the port.');
  total('hellos', 'Hellos of multicast routers heard on the port.');
  total('refused', 'Groups that were not joined because of a limit.');
  const malformed = 'IGMP, MLD and PIM packets without use, by reason.';
  add('counter', 'taploom_multicast_malformed_total', malformed, ({ multicast }) =>
    multicast.flatMap(({ status, labels }) => drops(status.malformed, labels)),
  );
}

function aggregateMetrics(add: AddMetric): void {
  const read = (value: (member: AggregateMemberStatus) => number) => (snapshot: Snapshot) =>
    members(snapshot.ports).map(({ member, labels }) => ({ value: value(member), labels }));
  const total = (name: string, help: string, key: Exclude<keyof AggregateCounters, 'malformed'>) =>
    add(
      'counter',
      `taploom_aggregate_member_${name}_total`,
      help,
      read(({ counters }) => counters[key]),
    );

  add(
    'gauge',
    'taploom_aggregate_member_carries',
    '1 if frames of the aggregate leave through the member.',
    read(({ state }) => (state === 'carries' ? 1 : 0)),
  );
  total('receive_lacpdus', 'LACPDUs received.', 'lacpdusIn');
  total('transmit_lacpdus', 'LACPDUs sent.', 'lacpdusOut');
  total('transmit_failed', 'LACPDUs that the data plane had no room for.', 'lacpdusNotSent');
  add(
    'counter',
    'taploom_aggregate_member_malformed_total',
    'Frames of slow protocols that are neither an LACPDU nor a marker, by reason.',
    ({ ports }) => members(ports).flatMap(({ member, labels }) => drops(member.counters.malformed, labels)),
  );
  total('receive_markers', 'Markers received and answered.', 'markersIn');
  total('failures', 'Times that the link of the member went down.', 'failures');
  total('churns', 'Times that an end of the link did not get in step within a minute.', 'churns');
}

/** Of all aggregates. */
function members(ports: readonly Port[]): { member: AggregateMemberStatus; labels: Labels }[] {
  return ports.flatMap(({ status: { bridge, name, aggregate } }) =>
    (aggregate?.members ?? []).map((member) => ({
      member,
      labels: { bridge, port: member.port, aggregate: name },
    })),
  );
}
