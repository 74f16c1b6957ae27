// Who asks the hosts of a VLAN what they want: the querier, of which there is one, that with the lowest address (RFC 3376
// section 6.6.2). Without one nobody's reports are refreshed, and snooping restricts nothing.

import { parseIp } from '../../wire/ip_address.ts';
import type { SnoopingSpec } from './spec.ts';

export interface OtherQuerier {
  address: string;
  port: string;
  expiresAt: number;
}

export class Querier {
  other: OtherQuerier | undefined;
  /** From here on hosts have had their time to answer the first query. */
  trustedAt = Number.POSITIVE_INFINITY;
  /** When this switch asks next, if it does. */
  private nextAt = Number.POSITIVE_INFINITY;
  private startups = 0;

  /** Whether this switch is it. */
  isOwn(spec: SnoopingSpec): boolean {
    return spec.isQuerier && this.other === undefined;
  }

  exists(spec: SnoopingSpec): boolean {
    return spec.isQuerier || this.other !== undefined;
  }

  /** When `expire` or `take` has something to do. */
  get deadline(): number {
    return this.other?.expiresAt ?? this.nextAt;
  }

  /** Asks at once, and some times more in short order: a port or the switch has come up, or the other querier is gone. */
  start({ times }: SnoopingSpec, now: number): void {
    this.startups = times.startupCount;
    this.nextAt = now;
    this.trustedAt = Math.min(this.trustedAt, now + times.queryResponse);
  }

  /** Another one has asked. Returns whether it is new. */
  hear(spec: SnoopingSpec, address: string, port: string, response: number, now: number): boolean {
    const best = this.other?.address ?? (spec.isQuerier ? spec.address : undefined);
    if (best !== undefined && address !== this.other?.address && !isBetter(address, best)) return false;
    const isNew = this.other?.address !== address || this.other.port !== port;
    this.other = { address, port, expiresAt: now + spec.times.querier };
    this.trustedAt = Math.min(this.trustedAt, now + response);
    return isNew;
  }

  /** Forgets another one that is silent for too long, and returns it. */
  expire(spec: SnoopingSpec, now: number): OtherQuerier | undefined {
    const { other } = this;
    if (other === undefined || other.expiresAt > now) return undefined;
    this.lose(spec, now);
    return other;
  }

  lose(spec: SnoopingSpec, now: number): void {
    this.other = undefined;
    if (spec.isQuerier) this.start(spec, now);
    else this.trustedAt = Number.POSITIVE_INFINITY;
  }

  /** This switch stops asking. */
  stop(): void {
    this.nextAt = Number.POSITIVE_INFINITY;
    if (this.other === undefined) this.trustedAt = Number.POSITIVE_INFINITY;
  }

  /** Whether to ask now. */
  take(spec: SnoopingSpec, now: number): boolean {
    if (!this.isOwn(spec) || now < this.nextAt) return false;
    this.startups = Math.max(0, this.startups - 1);
    this.nextAt = now + (this.startups > 0 ? spec.times.startupInterval : spec.times.queryInterval);
    return true;
  }
}

/** Whether `address` should ask instead of `best`. Who has no address (0.0.0.0) gives way to everybody, RFC 4541 section 2.1.1. */
function isBetter(address: string, best: string): boolean {
  const [one, other] = [address, best].map((text) => parseIp(text) as Uint8Array);
  const isNobody = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);
  if (isNobody(other)) return true;
  return !isNobody(one) && Buffer.compare(one, other) < 0;
}
