// Counters as plain values, read from shared memory without asking the data plane.

import type { PollGap, PortCounters } from './api.ts';
import { type Counters, POLL_GAP_BOUNDS, PORT, SWITCH } from './table/counters.ts';
import { DROPS } from './table/drops.ts';

export function portCounters(counters: Counters, port: number): PortCounters {
  const { values } = counters;
  const at = counters.port(port);
  return {
    receivedFrames: values[at + PORT.receivedFrames],
    receivedBytes: values[at + PORT.receivedBytes],
    receivedSegments: values[at + PORT.receivedSegments],
    forwarded: values[at + PORT.forwarded],
    copies: values[at + PORT.copies],
    transmittedFrames: values[at + PORT.transmittedFrames],
    transmittedBytes: values[at + PORT.transmittedBytes],
    transmittedSegments: values[at + PORT.transmittedSegments],
    learnRefused: values[at + PORT.learnRefused],
    stationMoves: values[at + PORT.stationMoves],
    generated: values[at + PORT.generated],
    receiveDropped: drops(counters, port, 'receive'),
    transmitDropped: drops(counters, port, 'transmit'),
  };
}

/** Reasons that occurred on a port -> frames. */
export function drops(
  counters: Counters,
  port: number,
  wanted: 'receive' | 'transmit',
): Record<string, number> {
  const at = counters.port(port) + PORT.drops;
  const dropped: Record<string, number> = {};
  DROPS.forEach(({ name, side }, code) => {
    const count = counters.values[at + code];
    if (count > 0 && side === wanted) dropped[name] = count;
  });
  return dropped;
}

/** All drops of a port. */
export function dropTotal(counters: Counters, port: number): number {
  const at = counters.port(port) + PORT.drops;
  let total = 0;
  for (let code = 0; code < DROPS.length; code++) total += counters.values[at + code];
  return total;
}

export function pollGap({ values }: Counters): PollGap {
  let count = 0;
  const buckets = POLL_GAP_BOUNDS.map((bound, n): [number, number] => {
    count += values[SWITCH.pollGapCounts + n];
    return [bound, count];
  });
  return {
    polls: values[SWITCH.polls],
    sumSeconds: values[SWITCH.pollGapSum],
    maxSeconds: values[SWITCH.pollGapMax],
    buckets,
  };
}
