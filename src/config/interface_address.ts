// The address of an interface with the length of its prefix: `10.0.0.1/24`.

import { formatIp, isMulticastIp, isUnspecifiedIp, parseIp } from '../wire/ip_address.ts';
import { parsePrefix } from '../wire/ip_prefix.ts';

/** Every frame for the port is compared with them. */
export const MAX_TUN_ADDRESSES = 16;

/** `10.0.0.1/24` in canonical form; undefined if it is not the address of a host with the length of its prefix. */
export function parseInterfaceAddress(text: string): string | undefined {
  const prefix = parsePrefix(text);
  const address = parseIp(text.split('/')[0]);
  if (prefix === undefined || address === undefined) return undefined;
  if (prefix.bits === 0 || isMulticastIp(address) || isUnspecifiedIp(address)) return undefined;
  return `${formatIp(address)}/${prefix.bits}`;
}
