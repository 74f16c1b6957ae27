// Addresses of interfaces in a list of rtnetlink(7).
//
//   ifaddrmsg: family 1 | bits of the prefix 1 | flags 1 | scope 1 | index of the interface 4

import { attributesOf, message, messagesIn, NLM_F_DUMP } from './netlink.ts';

export interface InterfaceAddress {
  /** Index of the interface. */
  index: number;
  /** Its own: 4 or 16 bytes. */
  address: Uint8Array;
  bits: number;
}

// linux/rtnetlink.h, linux/if_addr.h
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFADDRMSG_LEN = 8;
const FAMILY = { 4: 2, 6: 10 } as const; // AF_INET, AF_INET6
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

/** All addresses of the family. */
export function addressesRequest(family: 4 | 6): Buffer {
  const ifaddrmsg = Buffer.alloc(IFADDRMSG_LEN);
  ifaddrmsg[0] = FAMILY[family];
  return message(RTM_GETADDR, NLM_F_DUMP, 0, [ifaddrmsg]);
}

export function* parseAddresses(bytes: Buffer): Generator<InterfaceAddress> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type !== RTM_NEWADDR || body.length < IFADDRMSG_LEN) continue;
    const attributes = attributesOf(body.subarray(IFADDRMSG_LEN));
    // Of a point-to-point interface IFA_ADDRESS is the peer's.
    const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
    if (address?.length !== 4 && address?.length !== 16) continue;
    yield { index: body.readInt32LE(4), address: new Uint8Array(address), bits: body[1] };
  }
}
