// What an interface of ours in somebody's namespace has inside: addresses, and default routes by gateways. Desired state: it is
// given, kept, and taken again; what others added there is theirs.

import { constants } from 'node:os';
import { TaploomError } from '../error.ts';
import type { LinkSocket } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { defaultRouteRequest } from '../wire/route_change.ts';
import { parseDefaultRoutes, routesRequest } from '../wire/route_listing.ts';
import type { Device } from './device.ts';

export interface InsideConfig {
  netns?: string;
  ifname?: string;
  address?: readonly string[];
  gateway?: readonly string[];
}

/** The interface, wherever it is and whatever it is called by now. */
export interface InsidePlace {
  links(): LinkSocket;
  /** Throws SysError if it is not there. */
  name(links: LinkSocket): string;
}

const { EEXIST, EADDRNOTAVAIL, ESRCH } = constants.errno;

class Inside {
  private readonly place: InsidePlace;
  private readonly verb: string;
  private wanted: InsideConfig = {};

  constructor(place: InsidePlace, verb: string) {
    this.place = place;
    this.verb = verb;
  }

  /** @param isNew nothing of what was wanted before is there any more */
  set(wanted: InsideConfig, isNew = false): void {
    const before = isNew ? {} : this.wanted;
    this.wanted = wanted;
    const { address = [], gateway = [] } = wanted;
    if (!hasAny(before) && !hasAny(wanted)) return;
    using links = this.place.links();
    const name = this.place.name(links);
    for (const via of (before.gateway ?? []).filter((one) => !gateway.includes(one)))
      this.route(links, name, via, false);
    for (const cidr of (before.address ?? []).filter((one) => !address.includes(one)))
      unless(EADDRNOTAVAIL, () => links.removeAddress(name, cidr));
    for (const cidr of address) unless(EEXIST, () => links.addAddress(name, cidr));
    for (const via of gateway) this.route(links, name, via, true);
  }

  /** What somebody took away comes back, as far as it can: of an interface that is down there is no route. */
  restore(): void {
    this.set(this.wanted);
  }

  clear(): void {
    this.set({});
  }

  private route(links: LinkSocket, name: string, gateway: string, isOn: boolean): void {
    const via = parseIp(gateway) as IpBytes;
    const index = links.index(name);
    try {
      links.command(defaultRouteRequest(via, index, isOn));
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (!isOn && error.errno === ESRCH) return;
      if (!isOn || error.errno !== EEXIST) throw error;
      this.requireOwn(links, index, via, gateway);
    }
  }

  /** The namespace has a default route: it is this one, or somebody's. */
  private requireOwn(links: LinkSocket, index: number, via: IpBytes, gateway: string): void {
    const family = via.length === 4 ? 4 : 6;
    const routes = [...links.list(routesRequest(family))].flatMap((part) => [...parseDefaultRoutes(part)]);
    if (routes.some((one) => one.family === family && one.devices.includes(index))) return;
    throw new TaploomError(
      'route_taken',
      `${this.verb}: network namespace ${this.wanted.netns} has a default route of IPv${family} already, so ${gateway} cannot be one: ` +
        'leave gateway out, or take the other route away',
    );
  }
}

/** Gives an interface of ours what it should have inside. Throws TaploomError; the device is then undone. */
export function furnish(device: Device, place: InsidePlace, verb: string, config: InsideConfig): Device {
  const inside = new Inside(place, verb);
  const { change, remove } = device;
  let now = config;
  try {
    inside.set(config);
  } catch (error) {
    void device.undo();
    throw told(error, verb);
  }
  device.restore = () => inside.restore();
  device.change = (next) => {
    change?.(next);
    const wanted = next as InsideConfig;
    const isMoved = wanted.netns !== now.netns;
    now = wanted;
    try {
      inside.set(wanted, isMoved);
    } catch (error) {
      throw told(error, verb);
    }
  };
  device.remove = () => {
    try {
      inside.clear();
    } catch {
      // Gone, with all that it had.
    }
    return remove?.() ?? device.close();
  };
  return device;
}

function told(error: unknown, verb: string): unknown {
  if (!(error instanceof SysError)) return error;
  return new TaploomError('device_failed', `${verb}: ${error.message}`, { cause: error });
}

function hasAny({ address = [], gateway = [] }: InsideConfig): boolean {
  return address.length > 0 || gateway.length > 0;
}

/** What was so already is well. */
function unless(errno: number, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== errno) throw error;
  }
}
