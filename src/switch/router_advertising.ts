// Router advertisements of one interface of a router: what the configuration says, for the state machine of the protocol.

import type { RouterPort } from '../compile/router_ports.ts';
import { advertisedPrefixes, advertiseOf } from '../config/advertise.ts';
import { parseHostAddress6 } from '../config/subnet.ts';
import type { InterfaceSpec } from '../protocol/neighbours/spec.ts';
import { type Advertised, Advertiser, LIFETIMES } from '../protocol/router/advertiser.ts';
import { formatIp } from '../wire/ip_address.ts';
import { formatPrefix } from '../wire/ip_prefix.ts';

export interface AdvertisingSays {
  /** To its destination, which is behind the interface. */
  say(frame: Uint8Array): void;
  /** To all who are behind it, which may be gone before the frame has left. */
  leave(frame: Uint8Array): void;
  /** Of the interface. */
  mtu(): number | undefined;
  /** 0 to 1. */
  random(): number;
}

export class RouterAdvertising {
  private readonly says: AdvertisingSays;
  private advertiser: Advertiser | undefined;
  /** For whom and for what it speaks. */
  private speaksOf = '';
  private mtu: number | undefined;

  constructor(says: AdvertisingSays) {
    this.says = says;
  }

  /** Undefined: it does not advertise. */
  get counters(): Readonly<Advertiser['counters']> | undefined {
    return this.advertiser?.counters;
  }

  get deadline(): number {
    return this.advertiser?.deadline() ?? Number.POSITIVE_INFINITY;
  }

  configure(port: RouterPort, spec: InterfaceSpec, now: number): void {
    this.mtu = advertiseOf(port)?.mtu;
    const said = advertised(port, spec);
    const speaksOf = said === undefined ? '' : nameOf(said);
    // What it was nobody shall count on; what it is now is said at once.
    if (speaksOf !== this.speaksOf) this.close();
    this.speaksOf = speaksOf;
    if (said === undefined) return;
    const { says } = this;
    this.advertiser ??= new Advertiser(said, () => this.mtu ?? says.mtu(), says.random);
    this.advertiser.configure(said, now);
  }

  hear(frame: Uint8Array, port: string, now: number): void {
    this.advertiser?.solicited(frame, port, now);
  }

  tick(now: number): void {
    if (this.deadline > now) return;
    for (const { frame } of this.advertiser?.tick(now).frames ?? []) this.says.say(frame);
  }

  close(): void {
    if (this.advertiser !== undefined) this.says.leave(this.advertiser.withdraw());
    this.advertiser = undefined;
  }
}

function advertised(port: RouterPort, { mac, linkLocal }: InterfaceSpec): Advertised | undefined {
  const config = advertiseOf(port);
  if (config === undefined || linkLocal === undefined) return undefined;
  return {
    mac,
    source: linkLocal,
    routerLifetime: config.lifetime,
    managed: config.managed,
    other: config.other,
    prefixes: advertisedPrefixes(port, config),
    autonomous: config.autonomous,
    validLifetime: config.valid_lifetime,
    preferredLifetime: config.preferred_lifetime,
    resolvers: config.dns.flatMap((text) => parseHostAddress6(text) ?? []),
    search: config.search,
    dnsLifetime: LIFETIMES.dnsLifetime,
  };
}

/** Who says it, and of which prefixes. */
function nameOf({ mac, source, prefixes }: Advertised): string {
  return [mac.hi, mac.lo, formatIp(source), ...prefixes.map(formatPrefix)].join(' ');
}
