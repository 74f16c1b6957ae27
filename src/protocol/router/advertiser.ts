// Router advertisements to one network, RFC 4861 section 6.2: a state machine without clock or timer. What it wants said it
// returns.
//
//   every 200 to 600 s, three times soon after a change     to all
//   within 0.5 s of a solicitation                          through its port: to the host that asked, or to all behind it
//
// Nothing that guests send makes it say more than one advertisement a port in 0.5 s, and to all behind it one in 3 s.

import type { IpBytes } from '../../wire/ip_address.ts';
import type { Mac } from '../../wire/mac.ts';
import { type Advertisement, advertisementFrame, parseSolicitation } from '../../wire/router_discovery.ts';

/** What changes by itself is not in it: the MTU. */
export type Advertised = Omit<Advertisement, 'mtu'>;

/** ms, RFC 4861 sections 6.2.1 and 10. */
const MAX_INTERVAL = 600_000;
const MIN_INTERVAL = 198_000;
const INITIAL_INTERVAL = 16_000;
const INITIAL_COUNT = 3;
const MAX_DELAY = 500;
const MIN_BETWEEN = 3000;
/** s: three times the interval, as AdvDefaultLifetime; and of RFC 8106 section 5.1. */
const LIFETIME = 1800;
/** Of those who say nothing else. */
export const LIFETIMES = {
  routerLifetime: LIFETIME,
  validLifetime: 86_400,
  preferredLifetime: 14_400,
  dnsLifetime: LIFETIME,
} as const;
/** s: less than two hours is not believed, RFC 4862 section 5.5.3. */
const LEFT_LIFETIME = 7200;

export interface AdvertiserOutcome {
  /** `port` undefined: to all of the network. */
  readonly frames: { readonly port?: string; readonly frame: Uint8Array }[];
}

/** An answer that waits. */
interface Waiting {
  readonly at: number;
  readonly to: { mac: Mac; address: IpBytes } | undefined;
}

export class Advertiser {
  private said: Advertised;
  private readonly mtu: () => number | undefined;
  private readonly random: () => number;
  /** At once. */
  private nextAt = 0;
  private initial = INITIAL_COUNT;
  private readonly waiting = new Map<string, Waiting>();
  /** When all behind a port were told last; undefined as key: all of the network. */
  private readonly toldAt = new Map<string | undefined, number>();
  readonly counters = { solicited: 0, sent: 0, malformed: 0 };

  /** `random`: from 0 to before 1. */
  constructor(said: Advertised, mtu: () => number | undefined, random = Math.random) {
    this.said = said;
    this.mtu = mtu;
    this.random = random;
  }

  /** Other settings are said soon, and a few times (section 6.2.4). */
  configure(said: Advertised, now: number): void {
    if (isSame(said, this.said)) return;
    this.said = said;
    this.initial = INITIAL_COUNT;
    this.nextAt = Math.min(this.nextAt, this.mayTellAll(undefined, now));
  }

  /** The least of all deadlines. */
  deadline(): number {
    let next = this.nextAt;
    for (const { at } of this.waiting.values()) next = Math.min(next, at);
    return next;
  }

  /** A frame with a router solicitation. */
  solicited(frame: Uint8Array, port: string, now: number): void {
    const heard = parseSolicitation(frame);
    if (heard === undefined) {
      this.counters.malformed++;
      return;
    }
    this.counters.solicited++;
    const to = heard.source && { mac: heard.mac, address: heard.source };
    const before = this.waiting.get(port);
    const at = before?.at ?? now + Math.floor(this.random() * MAX_DELAY);
    // Two that ask at once behind one port are told together.
    if (before === undefined && to !== undefined) this.waiting.set(port, { at, to });
    else this.waiting.set(port, { at: Math.max(at, this.mayTellAll(port, now)), to: undefined });
  }

  tick(now: number): AdvertiserOutcome {
    const out: AdvertiserOutcome = { frames: [] };
    for (const [port, { at, to }] of this.waiting) {
      if (at > now) continue;
      this.waiting.delete(port);
      if (to === undefined) this.toldAt.set(port, now);
      this.say(out, this.frame(to), port);
    }
    if (this.nextAt <= now) {
      this.toldAt.clear();
      this.toldAt.set(undefined, now);
      this.say(out, this.frame());
      this.nextAt = now + this.interval();
    }
    return out;
  }

  /** It is over: no default router, no resolvers, and addresses are not to be used for anything new (section 6.2.5). */
  withdraw(): Uint8Array {
    return advertisementFrame({
      ...this.said,
      mtu: this.mtu(),
      routerLifetime: 0,
      validLifetime: LEFT_LIFETIME,
      preferredLifetime: 0,
      dnsLifetime: 0,
    });
  }

  forget(ports: ReadonlySet<string>): void {
    for (const port of this.waiting.keys()) if (!ports.has(port)) this.waiting.delete(port);
    for (const port of this.toldAt.keys())
      if (port !== undefined && !ports.has(port)) this.toldAt.delete(port);
  }

  private say(out: AdvertiserOutcome, frame: Uint8Array, port?: string): void {
    this.counters.sent++;
    out.frames.push({ port, frame });
  }

  private frame(to?: Waiting['to']): Uint8Array {
    return advertisementFrame({ ...this.said, mtu: this.mtu() }, to);
  }

  private mayTellAll(port: string | undefined, now: number): number {
    const last = Math.max(this.toldAt.get(port) ?? -MIN_BETWEEN, this.toldAt.get(undefined) ?? -MIN_BETWEEN);
    return Math.max(now, last + MIN_BETWEEN);
  }

  private interval(): number {
    const interval = MIN_INTERVAL + this.random() * (MAX_INTERVAL - MIN_INTERVAL);
    if (this.initial > 0) this.initial--;
    return Math.floor(this.initial > 0 ? Math.min(interval, INITIAL_INTERVAL) : interval);
  }
}

function isSame(one: Advertised, other: Advertised): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
