// struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)), as Burst wants them in the batch's Buffer beside the frames.
// The family is in the machine's byte order (little-endian here), port and address in network order.
//
//   sockaddr_in:  | family 2 | port 2 | address 4 | zero 8 |
//   sockaddr_in6: | family 2 | port 2 | flow 4 | address 16 | scope 4 |

import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCKADDR_IN6_LEN = 28;

/** From text; IPv6 may carry a zone (`fe80::1%eth0`). Throws SysError EINVAL. Control plane only. */
export function sockaddr(address: string, port: number): Buffer {
  const out = aligned(SOCKADDR_IN6_LEN);
  const length = check(native().tl_sockaddr(address, port, out), 'inet_pton', `${address} is no IP address`);
  return out.subarray(0, length);
}
