// Uplinks that are full: where a device refuses frames again and again, what is sent there waits in a shaper of the port, with a queue for
// each port that it came from, at the rate that the device takes (uplink_rate.ts). So ports have equal shares, and who wants less than
// his loses nothing. Nothing of this is there while devices take what they are offered.
//
//   device refuses -> news -> five times within a second -> shaper -- a look each 100 ms -> rate -> ... -> free: no shaper

import type { PortCounters } from '../api.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { isShareable } from '../config/shared_uplinks.ts';
import { bridgeOf, deviceConfig } from '../config/without_ports.ts';
import type { EventFact } from '../event.ts';
import type { Host } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { Service, Surroundings } from './service.ts';
import { UplinkRate } from './uplink_rate.ts';
import { wakeAt } from './wake_at.ts';

/** ms between looks at a port that is full. */
const LOOK = 100;
/** A device that refuses frames in so many tenths of a second, without a whole one in between, is full. */
const REFUSALS = 5;
const PAUSE = 1000;
/** And of all frames no less than this. */
const SHARE = 0.01;
/** ms until a device counts again whose refusals no rate could end. */
const LATER = 300_000;
/** Headers of a segment beyond the first: Ethernet, IPv4, TCP with timestamps. */
const SEGMENT_HEADERS = 66;
/** A share of its rate that a port uses if it could use more. */
const BUSY = 0.9;

/** What a port's counters were at a time, ms. */
interface Mark {
  at: number;
  bytes: number;
  frames: number;
  refused: number;
}

interface Refusals {
  count: number;
  first: Mark;
  last: Mark;
  /** bit/s, of the fastest time between two of them. */
  taken: number;
}

interface Full {
  rate: UplinkRate;
  /** Of the last look; none: its shaper is not in force yet. */
  mark?: Mark;
}

export interface UplinkParts {
  portNumber(name: string): number | undefined;
  counters(port: number): PortCounters;
  /** Puts the rate of a port that has such a shaper into force at once, bit/s. */
  setRate(name: string, bits: number): void;
  /** `rates` has others than before: resolves when they are in force. */
  changed(): Promise<void>;
  tell(fact: EventFact): void;
}

export class UplinkService implements Service {
  private readonly parts: UplinkParts;
  private readonly refusals = new Map<string, Refusals>();
  private readonly full = new Map<string, Full>();
  private config: SwitchConfig = EMPTY_CONFIG;
  private nextAt = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private polledAt: number | undefined;

  constructor(parts: UplinkParts) {
    this.parts = parts;
  }

  /** bit/s by name of a port that is full. */
  get rates(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.full, ([name, { rate }]) => [name, rate.bits]));
  }

  attach(_host: Host, { threaded }: Surroundings): void {
    this.hasTimer = threaded;
  }

  update(config: SwitchConfig): void {
    this.config = config;
    for (const name of [...this.refusals.keys()]) if (!this.isShareable(name)) this.refusals.delete(name);
    for (const name of [...this.full.keys()]) if (!this.isShareable(name)) this.end(name);
  }

  /** News of a worker: within the last 100 ms the device of the port refused a frame. */
  refused(name: string): void {
    const now = this.now();
    if (this.full.has(name) || !this.isShareable(name)) return;
    const before = this.refusals.get(name);
    // Each worker tells; and of a device that refuses frames at any rate the last one is yet to come.
    if (before !== undefined && now - before.last.at < LOOK / 2) return;
    const last = this.markOf(name, now);
    if (last === undefined) return;
    if (before === undefined || now - before.last.at > PAUSE) {
      this.refusals.set(name, { count: 1, first: last, last, taken: 0 });
      return;
    }
    before.taken = Math.max(before.taken, bitsBetween(before.last, last));
    before.last = last;
    if (++before.count >= REFUSALS && shareRefused(before) >= SHARE) this.begin(name, before.taken, now);
  }

  poll(now?: number): void {
    if (this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.polledAt >= this.nextAt) this.look();
  }

  deadline(): number {
    return this.nextAt;
  }

  close(): void {
    clearTimeout(this.timer);
    this.nextAt = Number.POSITIVE_INFINITY;
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  /** As the configuration says it, without what is done here. */
  private isShareable(name: string): boolean {
    const bridge = bridgeOf(this.config, name);
    return bridge !== undefined && isShareable(deviceConfig(this.config, name));
  }

  private begin(name: string, taken: number, now: number): void {
    this.refusals.delete(name);
    const rate = new UplinkRate(taken);
    const full: Full = { rate };
    this.full.set(name, full);
    this.tell(name, 'full', rate.bits);
    void this.parts.changed().then(() => {
      full.mark = this.markOf(name, this.now());
    });
    this.wait(now);
  }

  private end(name: string): void {
    this.full.delete(name);
    void this.parts.changed();
    this.tell(name, 'free');
  }

  /** Some devices refuse what they cannot deliver, with the error of those that are full. */
  private giveUp(name: string, mark: Mark): void {
    this.end(name);
    const last = { ...mark, at: mark.at + LATER };
    this.refusals.set(name, { count: 0, first: last, last, taken: 0 });
  }

  private look(): void {
    const now = this.now();
    for (const [name, full] of this.full) {
      const mark = this.markOf(name, now);
      if (mark === undefined || full.mark === undefined) continue;
      const { rate } = full;
      const taken = bitsBetween(full.mark, mark);
      const isBusy = mark.held > 0 || taken > BUSY * rate.bits;
      rate.look({ taken, refused: mark.refused - full.mark.refused, isBusy });
      full.mark = mark;
      if (rate.isFutile) this.giveUp(name, mark);
      else if (rate.isFree) this.end(name);
      else this.parts.setRate(name, rate.bits);
    }
    this.wait(now);
  }

  private wait(now: number): void {
    this.nextAt = this.full.size === 0 ? Number.POSITIVE_INFINITY : now + LOOK;
    clearTimeout(this.timer);
    if (this.hasTimer) this.timer = wakeAt(this.nextAt, () => this.look());
  }

  private markOf(name: string, at: number): (Mark & { held: number }) | undefined {
    const port = this.parts.portNumber(name);
    if (port === undefined) return undefined;
    const { transmittedBytes, transmittedFrames, transmittedSegments, transmitDropped, held } =
      this.parts.counters(port);
    const bytes = transmittedBytes + (transmittedSegments - transmittedFrames) * SEGMENT_HEADERS;
    return { at, bytes, frames: transmittedFrames, refused: transmitDropped.queue_full ?? 0, held };
  }

  private tell(name: string, change: 'full' | 'free', bits?: number): void {
    const bridge = bridgeOf(this.config, name);
    if (bridge === undefined) return;
    const rate = bits === undefined ? undefined : Math.round(bits);
    this.parts.tell({ type: 'uplink', change, bridge, port: name, ...(rate !== undefined && { rate }) });
  }
}

function shareRefused({ first, last }: Refusals): number {
  const refused = last.refused - first.refused;
  return refused / Math.max(1, refused + last.frames - first.frames);
}

function bitsBetween(before: Mark, after: Mark): number {
  return (Math.max(0, after.bytes - before.bytes) * 8000) / Math.max(1, after.at - before.at);
}
