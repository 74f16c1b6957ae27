// Default routes of the main table: in a list of routes, or in news of rtnetlink(7).
//
//   rtmsg: family 1 | destination's bits 1 | source's bits 1 | TOS 1 | table 1 | protocol 1 | scope 1 | type 1 | flags 4

import { attributesOf, littleEndian, message, messagesIn, NLM_F_DUMP } from './netlink.ts';

export interface DefaultRoute {
  family: 4 | 6;
  metric: number;
  /** Indices of its interfaces: several if it has several next hops. */
  devices: readonly number[];
  /** It came with a router advertisement. */
  isAdvertised: boolean;
}

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTMSG_LEN = 12;
const FAMILY = { 4: 2, 6: 10 } as const; // AF_INET, AF_INET6
const RTN_UNICAST = 1;
const RTPROT_RA = 9;
const RT_TABLE_MAIN = 254;
const RTA = { oif: 4, priority: 6, multipath: 9, table: 15 } as const;
/** struct rtnexthop: length 2 | flags 1 | hops 1 | index 4, then attributes */
const RTNEXTHOP_LEN = 8;

/** All routes of the family. */
export function routesRequest(family: 4 | 6): Buffer {
  const rtmsg = Buffer.alloc(RTMSG_LEN);
  rtmsg[0] = FAMILY[family];
  return message(RTM_GETROUTE, NLM_F_DUMP, 0, [rtmsg]);
}

/** News tell of those that go, too. */
export function* parseDefaultRoutes(bytes: Buffer): Generator<DefaultRoute> {
  for (const { type, body } of messagesIn(bytes)) {
    if ((type !== RTM_NEWROUTE && type !== RTM_DELROUTE) || body.length < RTMSG_LEN) continue;
    const [family, bits, , , , protocol, , kind] = body;
    if (bits !== 0 || kind !== RTN_UNICAST) continue;
    const attributes = attributesOf(body.subarray(RTMSG_LEN));
    if (littleEndian(attributes.get(RTA.table)) !== RT_TABLE_MAIN) continue;
    const device = littleEndian(attributes.get(RTA.oif));
    yield {
      family: family === FAMILY[6] ? 6 : 4,
      metric: littleEndian(attributes.get(RTA.priority)) ?? 0,
      devices: device === undefined ? [...nextHops(attributes.get(RTA.multipath))] : [device],
      isAdvertised: protocol === RTPROT_RA,
    };
  }
}

function* nextHops(bytes: Buffer | undefined): Generator<number> {
  if (bytes === undefined) return;
  for (let at = 0; at + RTNEXTHOP_LEN <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < RTNEXTHOP_LEN) return;
    yield bytes.readInt32LE(at + 4);
    at += (length + 3) & ~3;
  }
}
