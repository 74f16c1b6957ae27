// What Prometheus hears of the switch as a whole: its data plane, its version, its configuration.

import type { LastLoad } from './last_load.ts';
import { drops, histogram } from './metric_samples.ts';
import type { AddMetric, MetricsApi } from './metric_snapshot.ts';
import { taploomVersion } from './version.ts';

export function switchMetrics(add: AddMetric, api: MetricsApi): void {
  const unassigned =
    'Frames dropped that belong to no port, such as VXLAN datagrams with an unknown VNI, by reason.';
  add('counter', 'taploom_unassigned_dropped_total', unassigned, () => drops(api.unassignedDrops(), {}));
  add(
    'histogram',
    'taploom_poll_gap_seconds',
    'Time between two waits of the data plane, during which new frames wait.',
    ({ pollGap: { polls, sumSeconds, buckets } }) =>
      histogram('taploom_poll_gap_seconds', polls, sumSeconds, buckets),
  );
  add('gauge', 'taploom_poll_gap_max_seconds', 'Longest poll gap since the start.', ({ pollGap }) => [
    { value: pollGap.maxSeconds },
  ]);
  add(
    'histogram',
    'taploom_poll_frames',
    'Frames that a poll brought, of the polls that brought any.',
    () => {
      const { polls, frames, buckets } = api.pollFrames();
      return histogram('taploom_poll_frames', polls, frames, buckets);
    },
  );
  const labels = { version: taploomVersion(), node: process.versions.node };
  add('gauge', 'taploom_build_info', 'Versions of Taploom and Node; always 1.', () => [{ value: 1, labels }]);
}

export function loadMetrics(add: AddMetric, lastLoad: Readonly<LastLoad>): void {
  add(
    'gauge',
    'taploom_config_last_reload_successful',
    '1 if the configuration, when it was read last (at the start or by SIGHUP), came into force as a whole.',
    () => [{ value: lastLoad.succeeded ? 1 : 0 }],
  );
  add(
    'gauge',
    'taploom_config_last_reload_success_timestamp_seconds',
    'When that last succeeded, in seconds since the epoch.',
    () => (lastLoad.successAt === undefined ? [] : [{ value: lastLoad.successAt }]),
  );
}
