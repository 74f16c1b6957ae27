// A route by rtnetlink(7): to a prefix by a neighbour on an interface.
//
//   rtmsg: family 1 | bits of destination 1 | of source 1 | tos 1 | table 1 | protocol 1 | scope 1 | type 1 | flags 4

import type { IpBytes } from './ip_address.ts';
import type { IpPrefix } from './ip_prefix.ts';
import { attribute, message, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from './netlink.ts';

// linux/rtnetlink.h
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTMSG_LEN = 12;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RTN_UNICAST = 1;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const AF_INET = 2;
const AF_INET6 = 10;

/** By a gateway on the interface of this index. Another one that is there is EEXIST. */
export function defaultRouteRequest(via: IpBytes, index: number, isOn: boolean): Buffer {
  const rtmsg = Buffer.alloc(RTMSG_LEN);
  const family = via.length === 4 ? AF_INET : AF_INET6;
  rtmsg.set([family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST]);
  const interfaceIndex = Buffer.alloc(4);
  interfaceIndex.writeInt32LE(index);
  return message(isOn ? RTM_NEWROUTE : RTM_DELROUTE, NLM_F_ACK | (isOn ? NLM_F_CREATE | NLM_F_EXCL : 0), 0, [
    rtmsg,
    attribute(RTA_GATEWAY, via),
    attribute(RTA_OIF, interfaceIndex),
  ]);
}

/** Of IPv6. `via`: link-local, on the interface of this index. */
export function routeRequest6(to: IpPrefix, via: IpBytes, index: number, isOn: boolean): Buffer {
  const rtmsg = Buffer.alloc(RTMSG_LEN);
  rtmsg.set([AF_INET6, to.bits, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST]);
  const interfaceIndex = Buffer.alloc(4);
  interfaceIndex.writeInt32LE(index);
  return message(
    isOn ? RTM_NEWROUTE : RTM_DELROUTE,
    NLM_F_ACK | (isOn ? NLM_F_CREATE | NLM_F_REPLACE : 0),
    0,
    [rtmsg, attribute(RTA_DST, to.address), attribute(RTA_GATEWAY, via), attribute(RTA_OIF, interfaceIndex)],
  );
}
