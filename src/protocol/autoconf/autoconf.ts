// Stateless address autoconfiguration of one interface, RFC 4862 section 5.5 and RFC 4861 section 6.3: a state machine without
// clock or timer. It asks for routers until one answers, and keeps of what they say an address, a default router and resolvers.
//
//   start --up to 1 s--> solicitation --4 s, 8 s, ... 1 hour--> solicitation ...      until a router is there (RFC 7559)
//
// What a stranger may do is bounded: so many routers and prefixes are remembered, others not looked at before one of them is over;
// and what follows from them changes once a second at most.

import { formatIp, type IpBytes } from '../../wire/ip_address.ts';
import type { Mac } from '../../wire/mac.ts';
import {
  type HeardAdvertisement,
  type HeardPrefix,
  parseAdvertisement,
} from '../../wire/router_advertisement.ts';
import { solicitationFrame } from '../../wire/router_discovery.ts';

/** ms: RFC 4861 section 10, RFC 7559 section 2. */
const MAX_DELAY = 1000;
const FIRST_INTERVAL = 4000;
const MAX_INTERVAL = 3_600_000;
/** ms: a change makes tables of routes anew. */
const CALM = 1000;
/** s, RFC 4862 section 5.5.3 e: nobody takes an address away sooner. */
const LEAST_VALID = 7200;
const FOR_EVER = 0xffff_ffff;
/** Bits of a prefix that leave room for an interface's own. */
const BITS = 64;
const MOST = 4;

/** What is known now. */
export interface Learned {
  /** Undefined: no router has told of a prefix. */
  readonly address: IpBytes | undefined;
  /** Link-local; undefined: nobody is the way out. */
  readonly router: IpBytes | undefined;
  readonly resolvers: readonly IpBytes[];
}

export interface AutoconfSays {
  send(frame: Uint8Array): void;
  changed(learned: Learned): void;
  /** 0 to 1. */
  random(): number;
}

/** Times in ms of the caller's clock. */
interface Prefix {
  readonly address: IpBytes;
  validUntil: number;
  preferredUntil: number;
}

interface Router {
  readonly source: IpBytes;
  until: number;
  preference: number;
  resolvers: readonly IpBytes[];
}

export const NOTHING_LEARNED: Learned = { address: undefined, router: undefined, resolvers: [] };

export class Autoconf {
  private readonly mac: Mac;
  private readonly linkLocal: IpBytes;
  private readonly says: AutoconfSays;
  private readonly prefixes = new Map<string, Prefix>();
  private readonly routers = new Map<string, Router>();
  private askAt = Number.POSITIVE_INFINITY;
  /** When something of it is over. */
  private overAt = Number.POSITIVE_INFINITY;
  private changedAt = Number.NEGATIVE_INFINITY;
  private interval = FIRST_INTERVAL;
  learned: Learned = NOTHING_LEARNED;

  constructor(mac: Mac, linkLocal: IpBytes, says: AutoconfSays) {
    this.mac = mac;
    this.linkLocal = linkLocal;
    this.says = says;
  }

  /** Also when the link has come back: it may lead elsewhere. */
  start(now: number): void {
    this.interval = FIRST_INTERVAL;
    this.askAt = now + this.says.random() * MAX_DELAY;
  }

  get deadline(): number {
    return Math.min(this.askAt, this.overAt);
  }

  received(frame: Uint8Array, now: number): void {
    const heard = parseAdvertisement(frame);
    if (heard === undefined) return;
    this.noteRouter(heard, now);
    for (const one of heard.prefixes) if (one.bits === BITS) this.notePrefix(one, now);
    this.settle(now);
  }

  tick(now: number): void {
    if (this.askAt <= now) {
      this.says.send(solicitationFrame(this.mac, this.linkLocal));
      this.askAt = now + this.interval;
      this.interval = Math.min(2 * this.interval, MAX_INTERVAL);
    }
    this.settle(now);
  }

  private noteRouter({ source, lifetime, preference, resolvers }: HeardAdvertisement, now: number): void {
    const key = formatIp(source);
    const known = this.routers.get(key);
    if (lifetime === 0) this.routers.delete(key);
    else if (known !== undefined)
      Object.assign(known, { until: after(now, lifetime), preference, resolvers });
    else if (this.routers.size < MOST)
      this.routers.set(key, { source, until: after(now, lifetime), preference, resolvers });
    // Who answered need not be asked again.
    if (this.routers.size > 0) this.askAt = Number.POSITIVE_INFINITY;
  }

  private notePrefix({ prefix, valid, preferred }: HeardPrefix, now: number): void {
    const key = formatIp(prefix.map((byte, i) => (i < 8 ? byte : 0)));
    const known = this.prefixes.get(key);
    const preferredUntil = preferred === FOR_EVER ? Number.POSITIVE_INFINITY : now + 1000 * preferred;
    if (known === undefined) {
      if (valid === 0 || this.prefixes.size >= MOST) return;
      const address = prefix.map((byte, i) => (i < 8 ? byte : this.linkLocal[i]));
      this.prefixes.set(key, { address, validUntil: after(now, valid), preferredUntil });
      return;
    }
    known.preferredUntil = preferredUntil;
    const next = after(now, valid);
    const least = Math.min(known.validUntil, after(now, LEAST_VALID));
    known.validUntil = Math.max(next, least);
  }

  /** Forgets what is over, and tells of what is another one now. */
  private settle(now: number): void {
    for (const [key, { validUntil }] of this.prefixes) if (validUntil <= now) this.prefixes.delete(key);
    for (const [key, { until }] of this.routers) if (until <= now) this.routers.delete(key);
    const prefixes = [...this.prefixes.values()];
    const routers = [...this.routers.values()];
    const times = [
      ...prefixes.flatMap(({ validUntil, preferredUntil }) => [validUntil, preferredUntil]),
      ...routers.map(({ until }) => until),
    ];
    this.overAt = Math.min(...times.filter((time) => time > now));
    const { address, router } = this.learned;
    const best = bestOf(
      routers,
      (one) => one.preference,
      isOf(router, ({ source }) => source),
    );
    const own = bestOf(
      prefixes,
      (one) => Number(one.preferredUntil > now),
      isOf(address, (one) => one.address),
    );
    if (best === undefined && router !== undefined) this.start(now);
    const learned = { address: own?.address, router: best?.source, resolvers: best?.resolvers ?? [] };
    if (isEqual(learned, this.learned)) return;
    if (now < this.changedAt + CALM) {
      this.overAt = Math.min(this.overAt, this.changedAt + CALM);
      return;
    }
    this.changedAt = now;
    this.learned = learned;
    this.says.changed(learned);
  }
}

/** The highest rank counts, then that it is the one of before, then that it was there first. */
function bestOf<T>(
  all: readonly T[],
  rank: (one: T) => number,
  isCurrent: (one: T) => boolean,
): T | undefined {
  const highest = Math.max(...all.map(rank));
  const candidates = all.filter((one) => rank(one) === highest);
  return candidates.find(isCurrent) ?? candidates[0];
}

function isOf<T>(wanted: IpBytes | undefined, addressOf: (one: T) => IpBytes): (one: T) => boolean {
  return (one) => wanted !== undefined && formatIp(addressOf(one)) === formatIp(wanted);
}

function isEqual(one: Learned, other: Learned): boolean {
  const words = ({ address, router, resolvers }: Learned) =>
    [address, router, ...resolvers].map((bytes) => (bytes === undefined ? '' : formatIp(bytes))).join(' ');
  return words(one) === words(other);
}

function after(now: number, seconds: number): number {
  return seconds === FOR_EVER ? Number.POSITIVE_INFINITY : now + 1000 * seconds;
}
