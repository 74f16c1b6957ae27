// What a client has from a server, read out of an ACK.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import type { DhcpFrame } from '../../wire/dhcp4/frame.ts';
import {
  type DhcpRoute,
  readAddresses,
  readRoutes,
  readText,
  readUint16,
  readUint32,
} from '../../wire/dhcp4/values.ts';
import { isHost } from '../../wire/ipv4.ts';
import type { Mac } from '../../wire/mac.ts';

/** Addresses are unsigned numbers, 0 = none; times are ms of the client's clock, Infinity = for ever. */
export interface ClientLease {
  readonly address: number;
  /** Bits of the subnet mask. */
  readonly prefix: number;
  /** The default router. */
  readonly router: number;
  /** Other routes that the server knows (RFC 3442), without the default. */
  readonly routes: readonly DhcpRoute[];
  readonly dns: readonly number[];
  readonly domain: string;
  /** 0: the server said none. */
  readonly mtu: number;
  /** Its identifier, and who sent the answer on this link: the server, or its relay agent. */
  readonly server: number;
  readonly serverMac: Mac;
  /** T1 and T2 of RFC 2131 section 4.4.5, and the end. */
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly until: number;
}

/** What is remembered of a lease. */
export interface FormerLease {
  readonly address: number;
  readonly until: number;
}

/** Option 51's "for ever". */
const FOR_EVER = 0xffff_ffff;
/** Shorter leases would be renewed all the time. */
const MIN_TIME = 30;
const RENEW = 0.5;
const REBIND = 0.875;

/** @param asked when the request was sent that it answers. Undefined: the answer lacks what a lease must have */
export function leaseOf({ message, srcMac }: DhcpFrame, asked: number): ClientLease | undefined {
  const { options, yiaddr } = message;
  const seconds = readUint32(options.get(OPTION.leaseTime));
  const server = readUint32(options.get(OPTION.serverId));
  if (!isHost(yiaddr) || server === undefined || seconds === undefined || seconds === 0) return undefined;
  const routes = readRoutes(options.get(OPTION.routes));
  // RFC 3442: who knows classless routes ignores the routers.
  const router = routes
    ? (routes.find(({ prefix }) => prefix === 0)?.via ?? 0)
    : (readAddresses(options.get(OPTION.routers))[0] ?? 0);
  return {
    address: yiaddr,
    prefix: prefixOf(readUint32(options.get(OPTION.subnetMask)), yiaddr),
    router,
    routes: routes?.filter(({ prefix }) => prefix !== 0) ?? [],
    dns: readAddresses(options.get(OPTION.dns)),
    domain: readText(options.get(OPTION.domain)),
    mtu: readUint16(options.get(OPTION.mtu)) ?? 0,
    server,
    serverMac: srcMac,
    ...timesOf(seconds, options, asked),
  };
}

function timesOf(seconds: number, options: DhcpFrame['message']['options'], asked: number) {
  if (seconds === FOR_EVER) {
    const never = Number.POSITIVE_INFINITY;
    return { renewAt: never, rebindAt: never, until: never };
  }
  const time = Math.max(seconds, MIN_TIME);
  const rebind = readUint32(options.get(OPTION.rebindingTime)) ?? 0;
  const t2 = rebind > 0 && rebind < time ? rebind : time * REBIND;
  const renew = readUint32(options.get(OPTION.renewalTime)) ?? 0;
  const t1 = renew > 0 && renew < t2 ? renew : Math.min(time * RENEW, t2 / 2);
  return { renewAt: asked + 1000 * t1, rebindAt: asked + 1000 * t2, until: asked + 1000 * time };
}

/** Of a mask that has no holes; without one that of the address's class (RFC 791 section 3.2), as other clients do. */
function prefixOf(mask: number | undefined, address: number): number {
  const bits = Math.clz32(~(mask ?? 0));
  const isMask = mask !== undefined && mask !== 0 && (bits === 32 || (mask << bits) >>> 0 === 0);
  if (isMask) return bits;
  const net = address >>> 24;
  return net < 128 ? 8 : net < 192 ? 16 : 24;
}
