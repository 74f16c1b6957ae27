// A pair of interfaces by rtnetlink(7): what goes into one comes out of the other, which may be in another namespace.
//
//   ifinfomsg 16 | name, MTU | IFLA_LINKINFO { kind "veth" | IFLA_INFO_DATA { VETH_INFO_PEER { ifinfomsg 16 | its own } } }

import {
  attribute,
  attributesOf,
  littleEndian,
  message,
  messagesIn,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nestedAttribute,
  textAttribute,
} from './netlink.ts';

// linux/rtnetlink.h, linux/if_link.h, linux/veth.h
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFINFO_LEN = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

export interface VethRequest {
  name: string;
  mtu: number;
  peer: {
    name: string;
    /** Descriptor of its namespace. */
    netns: number;
    mac: Uint8Array;
  };
}

/** Makes both, which are down. One that is there is EEXIST. */
export function vethRequest({ name, mtu, peer }: VethRequest): Buffer {
  const other = [
    Buffer.alloc(IFINFO_LEN),
    textAttribute(IFLA_IFNAME, peer.name),
    attribute(IFLA_MTU, word(mtu)),
    attribute(IFLA_NET_NS_FD, word(peer.netns)),
    attribute(IFLA_ADDRESS, peer.mac),
  ];
  const info = [
    textAttribute(IFLA_INFO_KIND, 'veth'),
    nestedAttribute(IFLA_INFO_DATA, [nestedAttribute(VETH_INFO_PEER, other)]),
  ];
  return message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0, [
    Buffer.alloc(IFINFO_LEN),
    textAttribute(IFLA_IFNAME, name),
    attribute(IFLA_MTU, word(mtu)),
    nestedAttribute(IFLA_LINKINFO, info),
  ]);
}

/** Asks for an interface. */
export function linkRequest(index: number): Buffer {
  const ifinfomsg = Buffer.alloc(IFINFO_LEN);
  ifinfomsg.writeInt32LE(index, 4);
  return message(RTM_GETLINK, NLM_F_ACK, 0, [ifinfomsg]);
}

/** From the answer: the index of the interface behind this one, in whatever namespace that is. */
export function parsePeer(answer: Buffer): number | undefined {
  for (const { type, body } of messagesIn(answer)) {
    if (type !== RTM_NEWLINK || body.length < IFINFO_LEN) continue;
    return littleEndian(attributesOf(body.subarray(IFINFO_LEN)).get(IFLA_LINK));
  }
  return undefined;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
