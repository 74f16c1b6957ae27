// The addresses of a network's gateway on the host's interface. Whoever removes them finds them set again, once the interface
// is up: who took it down wants it so. What could not be set is tried again by whoever asks for `problem`.

import { type Network, ROUTER_ADDRESS } from '../config/networks.ts';
import { formatAddress } from '../config/subnet.ts';
import type { Device } from '../device/device.ts';
import { formatIp, type IpBytes } from '../wire/ip_address.ts';
import { formatPrefix, type IpPrefix } from '../wire/ip_prefix.ts';

/** Between a change of the interface and the look at it, ms: several come together. */
const SETTLED = 50;
/** Looks are so far apart, ms, and the same is told once in so long: two programs may want different things for ever. */
const PAUSE = 1000;
const QUIET = 60_000;

export interface GatewayFacts {
  /** Of the host's interface; undefined: it is not there. */
  device(): Device | undefined;
  /** `problem` is to be solved. */
  retry(): void;
}

export class NetworkGateway {
  private readonly facts: GatewayFacts;
  private addresses: readonly string[] = [];
  private lookAt = Number.POSITIVE_INFINITY;
  private lookedAt = Number.NEGATIVE_INFINITY;
  /** What was told last to be set again. */
  private told = { what: '', at: Number.NEGATIVE_INFINITY };
  /** Why the gateway has no address, or no route; empty: it has. */
  problem = '';

  constructor(facts: GatewayFacts) {
    this.facts = facts;
  }

  get deadline(): number {
    return this.lookAt;
  }

  has(address: string): boolean {
    return this.addresses.some((cidr) => cidr.startsWith(`${address}/`));
  }

  set(network: Network): void {
    this.addresses = addressesOf(network);
    this.give();
  }

  /** Gives the interface its addresses; returns those that it did not have. */
  give(): readonly string[] {
    try {
      const added = this.facts.device()?.setGateway?.(this.addresses) ?? [];
      this.problem = '';
      return added;
    } catch (error) {
      this.problem = (error as Error).message;
      this.facts.retry();
      return [];
    }
  }

  clear(): void {
    this.addresses = [];
    try {
      this.facts.device()?.setGateway?.([]);
    } catch {
      // The interface is gone, and its address with it.
    }
  }

  /** By an interface that is gone there are no routes; what the kernel refuses is told as the gateway's problem. */
  setRoute(to: IpPrefix, via: IpBytes, isOn: boolean): void {
    try {
      this.facts.device()?.setRoute?.(to, via, isOn);
    } catch (error) {
      this.problem = `no route to ${formatPrefix(to)}: ${(error as Error).message}`;
      this.facts.retry();
    }
  }

  /** Somebody may have removed an address, or the interface is up again. */
  look(now: number): void {
    this.lookAt = Math.max(now + SETTLED, this.lookedAt + PAUSE);
  }

  /** What was missing is set again. */
  restore(now: number): readonly string[] {
    this.lookAt = Number.POSITIVE_INFINITY;
    if (this.facts.device()?.link?.()?.up !== true) return [];
    this.lookedAt = now;
    return this.give();
  }

  /** Whether somebody should hear of it. */
  isNews(restored: string, now: number): boolean {
    const { what, at } = this.told;
    if (what === restored && now < at + QUIET) return false;
    this.told = { what: restored, at: now };
    return true;
  }
}

/** With the bits of their subnets. */
function addressesOf({ gateway, subnet, ipv6 }: Network): string[] {
  const address = `${formatAddress(gateway)}/${subnet.prefix}`;
  if (ipv6 === undefined) return [address];
  return [address, `${formatIp(ipv6.gateway)}/${ipv6.subnet.bits}`, `${ROUTER_ADDRESS}/64`];
}
