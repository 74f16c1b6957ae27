// ICMP errors as a router makes them.

import type { FrameBatch } from '../frame/frame_batch.ts';

/** What a sender is told. */
export const ICMP_ERROR = {
  ttl: 0,
  no_route: 1,
  unreachable: 2,
  prohibited: 3,
  mtu: 4,
  port: 5,
  /** IPv6: a link-local source does not leave its link. */
  scope: 6,
  /** The neighbour does not answer. */
  host: 7,
} as const;

export class IcmpErrors {
  readonly batch: FrameBatch;
  readonly clock: Float64Array;

  constructor(batch: FrameBatch, clock: Float64Array) {
    this.batch = batch;
    this.clock = clock;
  }

  isDue4(_row: number, _l3: number): boolean {
    return false;
  }

  isDue6(_row: number, _l3: number): boolean {
    return false;
  }

  write4(
    _at: number,
    _row: number,
    _l3: number,
    _length: number,
    _what: number,
    _mtu: number,
    _src: number,
  ): number {
    return 0;
  }

  write6(
    _at: number,
    _row: number,
    _l3: number,
    _length: number,
    _what: number,
    _mtu: number,
    _src: Int32Array,
    _k: number,
  ): number {
    return 0;
  }
}
