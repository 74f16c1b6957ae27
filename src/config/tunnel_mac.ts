// Which group addresses are free for tunnels of control protocols.

import { isReservedGroup } from '../wire/ethernet.ts';
import { L2CP_GROUPS } from '../wire/l2cp.ts';
import { isGroupMac, type Mac } from '../wire/mac.ts';

const BROADCAST_HI = 0xffff;
/** RFC 1112, 6.4: 01:00:5e. RFC 2464, 7: 33:33. */
const IPV4 = { hi: 0x0100, third: 0x5e };
const IPV6_HI = 0x3333;

/** Not that of broadcasts, of IP groups, of bridges (IEEE 802.1Q, tables 8-1 and 10-1), or of a protocol that tunnels carry. */
export function isFreeGroup({ hi, lo }: Mac): boolean {
  const isIp = hi === IPV6_HI || (hi === IPV4.hi && lo >>> 24 === IPV4.third);
  if (!isGroupMac(hi) || hi === BROADCAST_HI || isIp || isReservedGroup(hi, lo & ~0x30)) return false;
  return !L2CP_GROUPS.some((group) => group.hi === hi && group.lo === lo);
}
