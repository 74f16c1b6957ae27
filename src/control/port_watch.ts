// Tells the log what happens to ports: devices that go down or vanish, and frames that are dropped. A port that flaps
// or drops for hours gets a line now and then, with what happened in between; the numbers are in /metrics.

import { LRUCache } from 'lru-cache';
import type { PortStatus, SwitchApi } from '../api.ts';
import { lostHelp } from '../event.ts';
import type { Logger } from './log.ts';

const INTERVAL_MS = 2000;
const STATE_QUIET_MS = 10_000;
const DROPS_QUIET_MS = 60_000;
// as many as there can be ports
const MAX_PORTS = 4096;

/** Drops that an ordinary network makes all the time. */
export const ORDINARY: ReadonlySet<string> = new Set([
  'no_destination',
  'same_port',
  'isolated',
  'vlan_device',
  'not_collecting',
  'fault_receive',
  'fault_transmit',
]);

const STATES = {
  down: 'is down',
  disabled: 'is disabled',
  waiting: 'waits',
  gone: 'is gone, and is taken again as soon as it can be',
  failed: 'failed, and is tried again',
  broken: 'is broken',
} as const;

type Known = { state: PortStatus['state']; lost: number; drops: Map<string, number> };

export class PortWatch {
  private readonly api: Pick<SwitchApi, 'ports' | 'portsDigest' | 'events'>;
  private readonly log: Logger;
  private readonly quietStates: LRUCache<string, true>;
  private readonly quietDrops: LRUCache<string, true>;
  private readonly quietLosses: LRUCache<string, true>;
  private known = new Map<string, Known>();
  /** Of the ports as the log knows them; '' = something is still to be told. */
  private digest = '';
  private isComplete = true;
  private timer: NodeJS.Timeout | undefined;

  /** `clock` in ms, for tests. */
  constructor(
    api: Pick<SwitchApi, 'ports' | 'portsDigest' | 'events'>,
    log: Logger,
    clock: { now(): number } = performance,
  ) {
    this.api = api;
    this.log = log;
    const options = { max: MAX_PORTS, perf: clock, ttlResolution: 0 };
    this.quietStates = new LRUCache({ ...options, ttl: STATE_QUIET_MS });
    this.quietDrops = new LRUCache({ ...options, ttl: DROPS_QUIET_MS });
    this.quietLosses = new LRUCache({ ...options, ttl: DROPS_QUIET_MS });
  }

  /** Now, and from now on. */
  start(): void {
    this.try();
    this.timer = setInterval(() => this.try(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private try(): void {
    try {
      this.check();
    } catch (error) {
      // A log without these lines is better than a switch that stops over them.
      this.log.error({ err: error }, 'cannot look at the ports');
    }
  }

  check(): void {
    const digest = this.api.portsDigest();
    // For the stored events; who follows them has them sooner.
    this.api.events.look({ digest });
    if (digest === this.digest) return;
    this.isComplete = true;
    const now = new Map<string, Known>();
    for (const port of this.api.ports()) {
      const before = this.known.get(port.name);
      // a port that is new starts up and with nothing dropped
      const known = before ?? { state: 'up', lost: 0, drops: new Map() };
      now.set(port.name, {
        state: this.states(port, known.state),
        lost: this.losses(port, known.lost),
        drops: this.drops(port, known.drops),
      });
    }
    this.known = now;
    this.digest = this.isComplete ? digest : '';
  }

  /** `told`, and the next check looks again whether or not anything changes. */
  private later<T>(told: T): T {
    this.isComplete = false;
    return told;
  }

  /** The state that the log knows; while the port is quiet, the last one that it was told. */
  private states(
    { bridge, name, state, reason }: PortStatus,
    told: PortStatus['state'],
  ): PortStatus['state'] {
    if (state === told) return told;
    if (this.quietStates.has(name)) return this.later(told);
    this.quietStates.set(name, true);
    const fields = { bridge, port: name };
    if (state === 'up') this.log.info(fields, `port ${name} is up`);
    else this.log.warn(fields, `port ${name} ${STATES[state]}${reason === undefined ? '' : `: ${reason}`}`);
    return state;
  }

  /** Frames that the kernel lost before the switch could read them. */
  private losses({ bridge, name, type, queueDropped = 0 }: PortStatus, told: number): number {
    if (queueDropped === told) return told;
    if (this.quietLosses.has(name)) return this.later(told);
    this.quietLosses.set(name, true);
    const frames = queueDropped > told ? queueDropped - told : queueDropped;
    if (frames > 0) {
      this.log.warn({ bridge, port: name }, `port ${name} lost ${frames} frames: ${lostHelp(type, name)}`);
    }
    return queueDropped;
  }

  private drops({ bridge, name, counters }: PortStatus, told: Map<string, number>): Map<string, number> {
    const total = new Map([
      ...Object.entries(counters.receiveDropped),
      ...Object.entries(counters.transmitDropped),
    ]);
    // a port that was made again counts from zero
    const grown = [...total].map(([reason, frames]) => {
      const before = told.get(reason) ?? 0;
      return [reason, frames >= before ? frames - before : frames] as const;
    });
    const fresh = grown.filter(([, frames]) => frames > 0);
    if (fresh.length === 0) return told;
    if (this.quietDrops.has(name)) return this.later(told);
    this.quietDrops.set(name, true);
    const level = fresh.some(([reason]) => !ORDINARY.has(reason)) ? 'warn' : 'debug';
    const text = fresh.map(([reason, frames]) => `${frames} ${reason}`).join(', ');
    this.log[level]({ bridge, port: name }, `port ${name} dropped frames: ${text}`);
    return total;
  }
}
