// Messages of rtnetlink(7) that tell of interfaces, addresses and routes. They come from the kernel; what does not look
// like one of these is skipped, and no length is trusted beyond the bytes that are there. Little-endian, as the machines
// that Taploom runs on.
//
//   nlmsghdr, then ifinfomsg (16), ifaddrmsg (8) or rtmsg (12), then attributes: netlink.ts

import { formatIp } from './ip_address.ts';
import { formatMac } from './mac.ts';
import { attributesOf, messagesIn, littleEndian as number, textOf as text } from './netlink.ts';

// linux/rtnetlink.h
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const IFINFO = 16;
const IFADDR = 8;
const AF_UNSPEC = 0;

// linux/if_link.h, linux/if_addr.h, linux/if.h
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_LINK_NETNSID = 37;
const IFLA_NEW_NETNSID = 45;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_VLAN_ID = 1;
const IFLA_VLAN_PROTOCOL = 5;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_TENTATIVE = 0x40;
const IFF_UP = 0x1;

/** That an interface is a VLAN device on the interface of index `on`, for this tag: TPID << 16 | VID. */
export interface VlanDevice {
  on: number;
  tag: number;
}

export type RouteMessage =
  | { kind: 'link'; index: number; name: string; up: boolean; mtu: number; mac: string; vlan?: VlanDevice }
  /** It was deleted, or left the namespace: then it has `moved`. */
  | { kind: 'unlink'; index: number; name: string; moved: boolean; vlan?: VlanDevice }
  /** `usable`: there, and not on probation (IPv6 duplicate address detection). */
  | { kind: 'address'; address: string; usable: boolean }
  | { kind: 'route' };

export function* parseRtnetlink(bytes: Buffer): Generator<RouteMessage> {
  for (const { type, body } of messagesIn(bytes)) {
    const message = parseOne(type, body);
    if (message !== undefined) yield message;
  }
}

function parseOne(type: number, body: Buffer): RouteMessage | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return body.length < IFINFO ? undefined : link(body, type === RTM_DELLINK);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return body.length < IFADDR ? undefined : address(body, type === RTM_NEWADDR);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return { kind: 'route' };
    default:
      return undefined;
  }
}

function link(body: Buffer, isDeleted: boolean): RouteMessage | undefined {
  // A bridge says in the same words that a port left it.
  if (body[0] !== AF_UNSPEC) return undefined;
  const index = body.readInt32LE(4);
  const attributes = attributesOf(body.subarray(IFINFO));
  const name = text(attributes.get(IFLA_IFNAME));
  const vlan = vlanDevice(attributes);
  if (isDeleted) return { kind: 'unlink', index, name, moved: attributes.has(IFLA_NEW_NETNSID), ...vlan };
  const mac = attributes.get(IFLA_ADDRESS);
  return {
    kind: 'link',
    index,
    name,
    up: (body.readUInt32LE(8) & IFF_UP) !== 0,
    mtu: number(attributes.get(IFLA_MTU)) ?? 0,
    mac: mac?.length === 6 ? formatMac(mac.readUInt16BE(0), mac.readInt32BE(2)) : '',
    ...vlan,
  };
}

/** Of one whose lower interface is in another namespace the index would mean nothing here. */
function vlanDevice(link: Map<number, Buffer>): { vlan: VlanDevice } | undefined {
  const info = attributesOf(link.get(IFLA_LINKINFO));
  if (text(info.get(IFLA_INFO_KIND)) !== 'vlan' || link.has(IFLA_LINK_NETNSID)) return undefined;
  const data = attributesOf(info.get(IFLA_INFO_DATA));
  const on = number(link.get(IFLA_LINK));
  const id = data.get(IFLA_VLAN_ID);
  const protocol = data.get(IFLA_VLAN_PROTOCOL);
  if (on === undefined || id?.length !== 2 || protocol?.length !== 2) return undefined;
  return { vlan: { on, tag: (protocol.readUInt16BE(0) << 16) | id.readUInt16LE(0) } };
}

function address(body: Buffer, isThere: boolean): RouteMessage | undefined {
  const attributes = attributesOf(body.subarray(IFADDR));
  // Of a point-to-point interface IFA_ADDRESS is the peer's.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes?.length !== 4 && bytes?.length !== 16) return undefined;
  const flags = number(attributes.get(IFA_FLAGS)) ?? body[2];
  return {
    kind: 'address',
    address: formatIp(new Uint8Array(bytes)),
    usable: isThere && (flags & IFA_F_TENTATIVE) === 0,
  };
}
