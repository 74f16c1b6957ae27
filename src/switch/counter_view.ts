// Counters as plain values, read from shared memory without asking the data plane. Each worker has its own, and what a
// port has is their sum; gauges are in the first worker's.

import type { PollFrames, PollGap, PortCounters, TunnelledFrames } from '../api.ts';
import {
  BRIDGE,
  type Counters,
  POLL_FRAMES_BOUNDS,
  POLL_GAP_BOUNDS,
  PORT,
  SWITCH,
} from '../table/counters.ts';
import { DROPS } from '../table/drops.ts';
import { L2CP, type L2cpName } from '../wire/l2cp.ts';

export class CounterView {
  /** By worker. */
  readonly workers: readonly Counters[];
  private readonly first: Counters;
  /** What `dropTotal` counted last. */
  private dropped = { entered: 0, total: 0, isSettled: true };

  /** @param workers at least one */
  constructor(workers: readonly Counters[]) {
    this.workers = workers;
    this.first = workers[0];
  }

  port(port: number): PortCounters {
    const at = this.first.port(port);
    return {
      receivedFrames: this.sum(at + PORT.receivedFrames),
      receivedBytes: this.sum(at + PORT.receivedBytes),
      receivedSegments: this.sum(at + PORT.receivedSegments),
      forwarded: this.sum(at + PORT.forwarded),
      copies: this.sum(at + PORT.copies),
      transmittedFrames: this.sum(at + PORT.transmittedFrames),
      transmittedBytes: this.sum(at + PORT.transmittedBytes),
      transmittedSegments: this.sum(at + PORT.transmittedSegments),
      held: this.sum(at + PORT.held),
      learnRefused: this.sum(at + PORT.learnRefused),
      stationMoves: this.sum(at + PORT.stationMoves),
      generated: this.sum(at + PORT.generated),
      injected: this.sum(at + PORT.injected),
      recirculated: this.sum(at + PORT.recirculated),
      consumed: this.sum(at + PORT.consumed),
      punted: this.sum(at + PORT.punted),
      receiveDropped: this.drops(port, 'receive'),
      transmitDropped: this.drops(port, 'transmit'),
    };
  }

  /** Control frames by protocol, of these. */
  tunnelled(port: number, protocols: readonly L2cpName[]): Record<string, TunnelledFrames> {
    const at = this.first.port(port);
    const frames = (from: number, name: L2cpName) => this.sum(at + from + L2CP[name]);
    return Object.fromEntries(
      protocols.map((name) => [
        name,
        { received: frames(PORT.encapsulated, name), transmitted: frames(PORT.decapsulated, name) },
      ]),
    );
  }

  /** Reasons that occurred on a port -> frames. */
  drops(port: number, wanted: 'receive' | 'transmit'): Record<string, number> {
    const at = this.first.port(port) + PORT.drops;
    const dropped: Record<string, number> = {};
    DROPS.forEach(({ name, side }, code) => {
      if (side !== wanted) return;
      const count = this.sum(at + code);
      if (count > 0) dropped[name] = count;
    });
    return dropped;
  }

  /** All drops of one port; cheap for the one that is nobody's. */
  dropTotalOf(port: number): number {
    const at = this.first.port(port) + PORT.drops;
    let total = 0;
    for (let code = 0; code < DROPS.length; code++) total += this.sum(at + code);
    return total;
  }

  /**
   * All drops of these ports. Counts again after traffic only, and until nothing is under way: what is dropped was
   * received, generated or copied, and not forwarded, transmitted or held.
   */
  dropTotal(ports: readonly number[]): number {
    const { dropped } = this;
    let entered = 0;
    for (const port of ports) {
      const at = this.first.port(port);
      entered +=
        this.sum(at + PORT.receivedFrames) +
        this.sum(at + PORT.injected) +
        this.sum(at + PORT.generated) +
        this.sum(at + PORT.recirculated) +
        this.sum(at + PORT.copies);
    }
    if (entered === dropped.entered && dropped.isSettled) return dropped.total;
    let left = 0;
    let total = 0;
    for (const port of ports) {
      const at = this.first.port(port);
      left +=
        this.sum(at + PORT.forwarded) +
        this.sum(at + PORT.consumed) +
        this.sum(at + PORT.transmittedFrames) +
        this.sum(at + PORT.held);
      for (let code = 0; code < DROPS.length; code++) total += this.sum(at + PORT.drops + code);
    }
    this.dropped = { entered, total, isSettled: entered === left + total };
    return total;
  }

  /** Whether the last frame for the port was taken. */
  isUp(port: number): boolean {
    return this.first.gauges[this.first.port(port) + PORT.up] === 1;
  }

  /** Of a port that the data plane does not see for itself, or saw fail some time ago. */
  setUp(port: number, isUp: boolean): void {
    this.first.setUp(port, isUp ? 1 : 0);
  }

  learnedOn(port: number): number {
    return this.first.gauges[this.first.port(port) + PORT.learned];
  }

  /** Remotes, a second ago. */
  remotesOf(port: number): number {
    return this.first.gauges[this.first.port(port) + PORT.remotes];
  }

  learnedIn(bridge: number): number {
    return this.first.gauges[this.first.bridge(bridge) + BRIDGE.learned];
  }

  pollGap(): PollGap {
    const buckets = this.cumulative(POLL_GAP_BOUNDS, SWITCH.pollGapCounts);
    return {
      polls: this.sum(SWITCH.polls),
      sumSeconds: this.sum(SWITCH.pollGapSum),
      maxSeconds: Math.max(...this.workers.map(({ values }) => values[SWITCH.pollGapMax])),
      buckets,
    };
  }

  pollFrames(): PollFrames {
    const bounds = [...POLL_FRAMES_BOUNDS, Number.POSITIVE_INFINITY];
    const buckets = this.cumulative(bounds, SWITCH.pollFramesCounts);
    const [, polls] = buckets.pop() as [number, number];
    return { polls, frames: this.sum(SWITCH.pollFramesSum), buckets };
  }

  private cumulative(bounds: readonly number[], at: number): [number, number][] {
    let count = 0;
    return bounds.map((bound, n) => {
      count += this.sum(at + n);
      return [bound, count];
    });
  }

  private sum(at: number): number {
    let sum = 0;
    for (const { values } of this.workers) sum += values[at];
    return sum;
  }
}
