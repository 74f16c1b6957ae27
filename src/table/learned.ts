// How many entries of the FDB are learned, by bridge and by port, and how many may be: a station that sprays addresses
// fills the share of its port, never the table. The counts are the gauges that metrics show, so both are exact together.
//
// Workers that share an FDB share these, too, and change them only under its lock.

import { BRIDGE, type Counters, PORT } from './counters.ts';
import type { PortControls } from './port_controls.ts';

export const PORT_MASK = 0xfff;

/** Flat arrays of the current topology. */
export interface LearnLimits {
  /** By domain. */
  readonly domainBridge: Uint16Array;
  /** By bridge. */
  readonly bridgeFdbLimit: Uint32Array;
  /** By port. */
  readonly fdbLimit: Uint32Array;
  readonly controls?: PortControls | null;
}

export class Learned {
  private readonly counters: Counters;
  private readonly gauges: Float64Array;
  private limits: LearnLimits;

  /** @param counters their gauges `learned` of ports and bridges are the counts */
  constructor(counters: Counters, limits: LearnLimits) {
    this.counters = counters;
    this.gauges = counters.gauges;
    this.limits = limits;
  }

  /** Limits below what is learned already forget nothing: there is no room until enough has aged. */
  configure(limits: LearnLimits): void {
    this.limits = limits;
  }

  /** Whether `domain` and the port of `hop` may have one more. */
  hasRoom(domain: number, hop: number): boolean {
    const bridge = this.limits.domainBridge[domain];
    const learned = this.gauges[this.counters.bridge(bridge) + BRIDGE.learned];
    return learned < this.limits.bridgeFdbLimit[bridge] && this.hasPortRoom(hop);
  }

  /** Whether an entry of `from` may become one of `to`: always on the same port, for another remote. */
  hasRoomToMove(from: number, to: number): boolean {
    return ((from ^ to) & PORT_MASK) === 0 || this.hasPortRoom(to);
  }

  /** Whether the port of `hop` has a control. */
  has(hop: number, control: number): boolean {
    const { controls } = this.limits;
    return controls != null && (controls.flags[hop & PORT_MASK] & control) !== 0;
  }

  add(domain: number, hop: number): void {
    this.count(domain, hop, 1);
  }

  remove(domain: number, hop: number): void {
    this.count(domain, hop, -1);
  }

  /** How many addresses the port of `hop` has. */
  countOf(hop: number): number {
    return this.gauges[this.counters.port(hop & PORT_MASK) + PORT.learned];
  }

  /**
   * Who has more than this is rich enough to give way to the port of `hop`. A third more than it has, so that two ports
   * that both spray addresses come to rest: each entry that gave way takes up a slot until the sweeper comes.
   */
  leastRich(hop: number): number {
    return (this.countOf(hop) * 4) / 3 + 1;
  }

  /** Whether two domains are of one bridge. */
  areNeighbours(a: number, b: number): boolean {
    return this.limits.domainBridge[a] === this.limits.domainBridge[b];
  }

  hasPortRoom(hop: number): boolean {
    const port = hop & PORT_MASK;
    return this.gauges[this.counters.port(port) + PORT.learned] < this.limits.fdbLimit[port];
  }

  private count(domain: number, hop: number, by: number): void {
    this.gauges[this.counters.bridge(this.limits.domainBridge[domain]) + BRIDGE.learned] += by;
    this.gauges[this.counters.port(hop & PORT_MASK) + PORT.learned] += by;
  }
}
