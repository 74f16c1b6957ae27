// Metrics of queues and policers. Labels are names of the configuration: as many as its classes.

import type { PolicerStatus, QueueStatus } from '../api.ts';
import type { AddMetric, Snapshot } from './metric_snapshot.ts';

export function qosMetrics(add: AddMetric): void {
  const ofQueue =
    (read: (queue: QueueStatus) => number) =>
    ({ qos: { queues } }: Snapshot) =>
      queues.map((queue) => {
        const { bridge, port, class: own } = queue;
        return { value: read(queue), labels: { bridge, port, class: own } };
      });
  const gauge = (name: string, help: string, read: (queue: QueueStatus) => number) =>
    add('gauge', `taploom_queue_${name}`, help, ofQueue(read));
  const total = (name: string, help: string, read: (queue: QueueStatus) => number) =>
    add('counter', `taploom_queue_${name}_total`, help, ofQueue(read));
  gauge('held_packets', 'Frames that wait in a class of a shaped port.', ({ heldFrames }) => heldFrames);
  gauge('held_bytes', 'Bytes that wait there, as they will be on the wire.', ({ heldBytes }) => heldBytes);
  gauge('delay_seconds', 'How long the last frames that waited did so.', ({ delay }) => delay);
  total('transmit_packets', 'Frames that left through the class.', ({ sentFrames }) => sentFrames);
  total('transmit_bytes', 'Bytes that left through it, as on the wire.', ({ sentBytes }) => sentBytes);
  total('marked_packets', 'Frames that were marked (ECN) in place of a drop.', ({ marked }) => marked);
  add(
    'counter',
    'taploom_queue_dropped_total',
    'Frames that a class dropped, by reason.',
    ({ qos: { queues } }) =>
      queues.flatMap(({ bridge, port, class: own, full, late }) => [
        { value: full, labels: { bridge, port, class: own, reason: 'shaper_full' } },
        { value: late, labels: { bridge, port, class: own, reason: 'queue_late' } },
      ]),
  );
  const COLOURS = ['green', 'yellow', 'red'] as const;
  add(
    'counter',
    'taploom_policer_packets_total',
    'Frames of a policer, by colour.',
    ({ qos: { policers } }) =>
      policers.flatMap((policer: PolicerStatus) =>
        COLOURS.map((colour) => {
          const { bridge, port, direction, match } = policer;
          const labels = { bridge, port, direction, colour };
          return { value: policer[colour], labels: match === undefined ? labels : { ...labels, match } };
        }),
      ),
  );
}
