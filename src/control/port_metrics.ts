// What Prometheus hears of ports.

import type { PortCounters, PortStatus, TunnelledFrames } from '../api.ts';
import type { PortConfig } from '../config/schema.ts';
import type { Labels } from './live_metric.ts';
import { drops, samples } from './metric_samples.ts';
import type { AddMetric, Port } from './metric_snapshot.ts';

type NumericCounter = Exclude<keyof PortCounters, 'receiveDropped' | 'transmitDropped'>;

export function portMetrics(add: AddMetric): void {
  const total = (name: string, help: string, key: NumericCounter) =>
    add('counter', `taploom_port_${name}_total`, help, ({ ports }) =>
      samples(ports, ({ status }) => status.counters[key]),
    );
  const dropped = (side: 'receive' | 'transmit', help: string) =>
    add('counter', `taploom_port_${side}_dropped_total`, help, ({ ports }) =>
      ports.flatMap(({ status, labels }) => drops(status.counters[`${side}Dropped`], labels)),
    );
  const gauge = (name: string, help: string, read: (port: Port) => number | undefined) =>
    add('gauge', `taploom_port_${name}`, help, ({ ports }) => samples(ports, read));

  const fromPort = 'received by the switch from the port';
  const toPort = 'transmitted by the switch to the port';
  total('receive_packets', `Frames ${fromPort}; a GSO frame counts once.`, 'receivedFrames');
  total('receive_bytes', `Bytes of frames ${fromPort}, without FCS.`, 'receivedBytes');
  total('receive_segments', `Frames on a wire that the frames ${fromPort} stand for.`, 'receivedSegments');
  total(
    'receive_forwarded_packets',
    `Frames ${fromPort}, generated, injected or recirculated that were transmitted to at least one port.`,
    'forwarded',
  );
  total(
    'generated_packets',
    'ICMP answers of the switch to frames that were too big for the port.',
    'generated',
  );
  total('injected_packets', 'Frames of the control plane, sent or relayed.', 'injected');
  total('recirculated_packets', 'Frames that took the stages anew in another domain.', 'recirculated');
  total('consumed_packets', 'Frames that went on in another domain, or to the control plane.', 'consumed');
  total('punted_packets', 'Frames that the control plane was given.', 'punted');
  dropped('receive', `Frames ${fromPort} that went nowhere, by reason.`);
  total('transmit_copies', 'Copies of frames made for the port: transmitted or dropped.', 'copies');
  total('transmit_packets', `Frames ${toPort}; a GSO frame counts once.`, 'transmittedFrames');
  total('transmit_bytes', `Bytes of frames ${toPort}, without FCS.`, 'transmittedBytes');
  total('transmit_segments', `Frames on a wire that the frames ${toPort} stand for.`, 'transmittedSegments');
  dropped('transmit', 'Copies made for the port that it did not take, by reason.');
  total('station_moves', 'Stations that moved to the port from another one.', 'stationMoves');
  total(
    'learn_refused',
    'Addresses seen on the port and not learned, because a limit was reached.',
    'learnRefused',
  );
  add(
    'counter',
    'taploom_port_disabled_total',
    'How often the port was disabled for an error, by reason.',
    ({ ports }) => ports.flatMap(({ status, labels }) => drops(status.disabledBy ?? {}, labels)),
  );
  tunnelMetrics(add);
  add(
    'counter',
    'taploom_port_queue_dropped_total',
    'Frames that the kernel dropped because the queue of the TAP or packet socket was full; they never reached the switch.',
    ({ ports }) => samples(ports, ({ status }) => status.queueDropped),
  );
  add('gauge', 'taploom_port_info', 'Of the port: its type, VNI and MTU; always 1.', ({ ports }) =>
    ports.map(({ status, config, labels }) => ({
      value: 1,
      labels: facts(status, config),
      shared: labels,
    })),
  );
  gauge('configured_remotes', 'Remotes of a tunnel that its configuration lists.', ({ config }) =>
    config?.type === 'vxlan' ? config.remotes.length : undefined,
  );
  gauge(
    'learned_remotes',
    'Remotes of a tunnel that were learned from the wire now.',
    ({ status }) => status.learnedRemotes,
  );
  gauge('max_remotes', 'Most remotes that a tunnel learns, if it does.', ({ config }) =>
    config?.type === 'vxlan' && config.remote_learning ? config.max_remotes : undefined,
  );
  add(
    'counter',
    'taploom_port_connections_total',
    'Connections to the socket of the port since it is attached.',
    ({ ports }) => samples(ports, ({ status }) => status.socket?.connections),
  );
  add(
    'counter',
    'taploom_port_refused_connections_total',
    'Connections to a socket with a template that could not be guests.',
    ({ ports }) => samples(ports, ({ status }) => status.socket?.refused),
  );
  add(
    'counter',
    'taploom_port_guest_interrupts_total',
    'Times that the guest of a vhost-user port was interrupted.',
    ({ ports }) => samples(ports, ({ status }) => status.guest?.interrupts),
  );
  gauge(
    'guest_queues',
    'Pairs of rings that the guest of a vhost-user port uses.',
    ({ status }) => status.guest?.queues,
  );
  gauge('guests', 'Guests of a socket with a template now.', ({ status }) => status.socket?.guests);
  gauge('fdb_entries', 'Addresses learned on the port now.', ({ status }) => status.learnedAddresses);
  gauge(
    'fdb_limit',
    'Most addresses that are learned on the port, if it has a limit of its own.',
    ({ config }) => config?.fdb_limit,
  );
  gauge('up', '1 if the port takes frames, 0 if it is down or missing.', ({ status }) =>
    status.state === 'up' ? 1 : 0,
  );
  gauge('mtu_bytes', 'Largest layer-3 packet that leaves through the port.', ({ status }) => status.mtu);
}

function tunnelMetrics(add: AddMetric): void {
  const total = (name: string, where: string, side: keyof TunnelledFrames) =>
    add(
      'counter',
      `taploom_port_tunnel_${name}_packets_total`,
      `Control frames of a customer that ${where} his tunnel, by protocol.`,
      ({ ports }) =>
        ports.flatMap(({ status, labels: shared }) =>
          Object.entries(status.tunnelled ?? {}).map(([protocol, frames]) => ({
            value: frames[side],
            labels: { protocol },
            shared,
          })),
        ),
    );
  total('receive', 'came in through the port for', 'received');
  total('transmit', 'left through the port from', 'transmitted');
}

function facts({ type, mtu }: PortStatus, config: PortConfig | undefined): Labels {
  return { type, ...(config?.type === 'vxlan' && { vni: String(config.vni) }), mtu: String(mtu) };
}
