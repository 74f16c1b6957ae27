// MAC and link-local addresses of interfaces of routers, where the configuration says none.

import { createHash } from 'node:crypto';
import { type Mac, parseMac } from '../wire/mac.ts';
import type { RouterInterface } from './router_interfaces.ts';

/**
 * Locally administered, the same after every restart; of an anycast gateway the same on every machine that has a router with
 * these names. `machine`: `machineId()`, asked once for many.
 */
export function interfaceMac({ router, name, config }: RouterInterface, machine: string): Mac {
  if (config.mac !== undefined) return parseMac(config.mac) as Mac;
  const origin = config.anycast ? 'anycast' : `machine\0${machine}`;
  const digest = createHash('sha256').update(`taploom\0${origin}\0router\0${router}\0${name}`).digest();
  return { hi: 0x0200 | digest[0], lo: digest.readInt32BE(1) };
}

/** The link-local address of an interface: what the configuration says, or RFC 4291 appendix A; undefined: it has no IPv6. */
export function linkLocalOf({ addresses, config }: RouterInterface, { hi, lo }: Mac): Uint8Array | undefined {
  const own = addresses.find(({ isLinkLocal }) => isLinkLocal);
  if (own !== undefined) return own.bytes;
  if (!config.slaac && !addresses.some(({ bytes }) => bytes.length === 16)) return undefined;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xfe80);
  view.setUint16(8, hi ^ 0x0200); // the universal/local bit
  view.setUint16(10, ((lo >>> 16) & 0xff00) | 0xff);
  view.setUint16(12, 0xfe00 | ((lo >>> 16) & 0xff));
  view.setUint16(14, lo);
  return bytes;
}
