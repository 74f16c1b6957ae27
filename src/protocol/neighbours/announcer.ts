// What an interface of a router says of its own addresses when it comes up, and what it does if somebody else has one of
// them (RFC 5227 section 2, RFC 4862 section 5.4). A router needs its addresses, so it keeps and defends them.
//
//   up --up to 1 s, at random--> probe --1 s--> announcement --2 s--> announcement

import { same } from '../../config/router_address.ts';
import { formatIp, type IpBytes } from '../../wire/ip_address.ts';
import type { Mac } from '../../wire/mac.ts';
import { announcement, ownAddresses, probe } from './frames.ts';
import type { InterfaceSpec } from './spec.ts';

/** RFC 5227 section 1.1: PROBE_WAIT, the time for an answer, ANNOUNCE_INTERVAL, DEFEND_INTERVAL. */
const PROBE_WAIT = 1000;
const ANSWER = 1000;
const ANNOUNCE_INTERVAL = 2000;
const DEFEND_INTERVAL = 10_000;
/** The same owner of an address is told of once in so long. */
const QUIET = 60_000;

export interface AnnouncerSays {
  /** To all who are behind the interface. */
  say(frame: Uint8Array): void;
  duplicate(address: IpBytes, mac: Mac): void;
}

interface Step {
  at: number;
  what: 'probe' | 'announce' | 'again';
}

interface Own {
  address: IpBytes;
  step: Step | undefined;
  defendedAt: number;
  toldAt: number;
}

export class Announcer {
  private spec: InterfaceSpec | undefined;
  private own = new Map<string, Own>();
  private readonly says: AnnouncerSays;
  private readonly random: () => number;

  constructor(says: AnnouncerSays, random: () => number) {
    this.says = says;
    this.random = random;
  }

  /** Begins with what is new: addresses, or all of them if there is another MAC address. */
  configure(spec: InterfaceSpec, now: number): void {
    const isOther = this.spec?.mac.hi !== spec.mac.hi || this.spec?.mac.lo !== spec.mac.lo;
    const before = isOther ? new Map<string, Own>() : this.own;
    this.spec = spec;
    this.own = new Map(
      ownAddresses(spec).map((address) => {
        const key = formatIp(address);
        return [key, before.get(key) ?? this.begin(address, now)];
      }),
    );
  }

  private begin(address: IpBytes, now: number): Own {
    const step: Step = { at: now + this.random() * PROBE_WAIT, what: 'probe' };
    const never = Number.NEGATIVE_INFINITY;
    return { address, step, defendedAt: never, toldAt: never };
  }

  get deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { step } of this.own.values()) if (step !== undefined) next = Math.min(next, step.at);
    return next;
  }

  tick(now: number): void {
    const { spec } = this;
    if (spec === undefined) return;
    for (const one of this.own.values()) {
      if (one.step === undefined || one.step.at > now) continue;
      const { what } = one.step;
      this.says.say(what === 'probe' ? probe(spec, one.address) : announcement(spec, one.address));
      if (what === 'probe') one.step = { at: now + ANSWER, what: 'announce' };
      else one.step = what === 'announce' ? { at: now + ANNOUNCE_INTERVAL, what: 'again' } : undefined;
    }
  }

  /** Somebody says that an address is at `mac`. True if it is ours, whoever says so. */
  hear(address: IpBytes, mac: Mac, now: number): boolean {
    const { spec } = this;
    const one = [...this.own.values()].find((own) => same(own.address, address));
    if (one === undefined || spec === undefined) return false;
    if (mac.hi === spec.mac.hi && mac.lo === spec.mac.lo) return true; // on another host, of an anycast gateway
    if (now - one.defendedAt >= DEFEND_INTERVAL) {
      one.defendedAt = now;
      this.says.say(announcement(spec, address));
    }
    if (now - one.toldAt >= QUIET) {
      one.toldAt = now;
      this.says.duplicate(address, mac);
    }
    return true;
  }
}
