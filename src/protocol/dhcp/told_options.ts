// What a client is told beside its address: the options of its subnet, its classes and itself, as far as it asks for them.

import { HTTP_CLIENT } from '../../wire/dhcp4/architectures.ts';
import { OPTION } from '../../wire/dhcp4/codes.ts';
import * as values from '../../wire/dhcp4/values.ts';
import type { Client } from './client.ts';
import type { Request } from './request.ts';
import type { DhcpClass, DhcpOption, DhcpOptions } from './settings.ts';

/** The options that hold for a client, those that are more its own before others. */
export function optionsOf({ pool, client, host }: Request, classes: readonly DhcpClass[]): DhcpOptions {
  const layers = [
    pool.subnet.options,
    ...classes.filter((kind) => isOf(client, kind)).map(({ options }) => options),
    host?.options ?? {},
  ];
  const others = new Map<number, DhcpOption>();
  for (const layer of layers) for (const option of layer.others ?? []) others.set(option.code, option);
  return Object.assign({}, ...layers, { others: [...others.values()] });
}

function isOf(client: Client, { vendorClass, userClass, architectures }: DhcpClass): boolean {
  return (
    (vendorClass === undefined || client.vendorClass.startsWith(vendorClass)) &&
    (userClass === undefined || client.userClasses.includes(userClass)) &&
    (architectures === undefined || client.architectures.some((one) => architectures.includes(one)))
  );
}

/** What goes into an offer or an acknowledgement, in the order in which the client asks. */
export function toldOptions(request: Request, told: DhcpOptions): Map<number, Uint8Array> {
  const known = encode(request, told);
  const asked = request.frame.message.options.get(OPTION.parameters);
  const result = new Map<number, Uint8Array>();
  // Without its mask an address is of no use, and RFC 2132 section 3.3 wants it before the router.
  const order = [OPTION.subnetMask, ...(asked ?? known.keys())];
  for (const code of order) {
    const value = known.get(code);
    if (value !== undefined) result.set(code, value);
  }
  // Microsoft's number is for those who do not know the other one.
  if (asked === undefined || asked.includes(OPTION.routes)) result.delete(OPTION.microsoftRoutes);
  for (const { code, value, always } of told.others ?? []) if (always) result.set(code, value);
  return result;
}

function encode(request: Request, told: DhcpOptions): Map<number, Uint8Array> {
  const { pool, client } = request;
  const { routers = [], dns = [], ntp = [], search = [], others = [], domain, hostName, vendor } = told;
  const result = new Map<number, Uint8Array>();
  const add = (code: number, value: Uint8Array | undefined) => {
    if (value !== undefined && value.length > 0) result.set(code, value);
  };
  const mtu = told.mtu ?? request.mtu;
  const routes = routesOf(told);
  add(OPTION.subnetMask, values.uint32(pool.mask));
  add(OPTION.routers, values.addresses(routers));
  add(OPTION.dns, values.addresses(dns));
  add(OPTION.hostName, hostName === undefined ? undefined : values.text(hostName));
  add(OPTION.domain, domain === undefined ? undefined : values.text(domain));
  add(OPTION.mtu, mtu === undefined ? undefined : values.uint16(Math.min(mtu, 0xffff)));
  add(OPTION.broadcast, values.uint32(pool.broadcast));
  add(OPTION.ntp, values.addresses(ntp));
  add(OPTION.vendor, vendor);
  add(OPTION.serverName, told.serverName === undefined ? undefined : values.text(told.serverName));
  add(OPTION.bootFile, told.bootFile === undefined ? undefined : values.text(told.bootFile));
  add(OPTION.search, values.searchList(search));
  add(OPTION.routes, routes);
  add(OPTION.microsoftRoutes, routes);
  // UEFI takes an answer for HTTP boot only from who says that it is one (UEFI 2.10 section 24.7.2).
  const isHttpBoot = told.bootFile !== undefined && client.vendorClass.startsWith(HTTP_CLIENT);
  if (isHttpBoot) add(OPTION.vendorClass, values.text(HTTP_CLIENT));
  for (const { code, value } of others) result.set(code, value);
  return result;
}

/** RFC 3442: who knows option 121 ignores the router option, so the default route has to be here as well. */
function routesOf({ routes = [], routers = [] }: DhcpOptions): Uint8Array | undefined {
  if (routes.length === 0) return undefined;
  const isWhole = routers.length === 0 || routes.some(({ prefix }) => prefix === 0);
  return values.routes(isWhole ? routes : [...routes, { to: 0, prefix: 0, via: routers[0] }]);
}
