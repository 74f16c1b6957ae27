// ICMP for IPv4, RFC 792: destination unreachable with the next-hop MTU of RFC 1191 section 4.
//
//   0               8               16                           31
//   | type          | code          |          checksum          |
//   |           unused, 0           |        next-hop MTU        |
//   | header and first bytes of the datagram that this is about ...

import { add, finish } from './checksum.ts';

export const HEADER_LEN = 8;
/** IANA protocol number. */
export const PROTOCOL_ICMP = 1;
/** RFC 1812 section 4.3.2.3: an error quotes as much as fits into a datagram that every host takes. */
export const ERROR_PACKET_LEN = 576;

/** Queries, RFC 792. */
export const ECHO = 8;
export const ECHO_REPLY = 0;
const TIMESTAMP = 13;
const TIMESTAMP_REPLY = 14;

const CODE = 1;
/** Offsets, for those who change what is there. */
export const CHECKSUM = 2;
export const IDENTIFIER = 4;
const NEXT_HOP_MTU = 6;

const DESTINATION_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const SOURCE_QUENCH = 4;
const REDIRECT = 5;
const TIME_EXCEEDED = 11;
const PARAMETER_PROBLEM = 12;

export function type(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** Types that are never answered with an error, RFC 1122 section 3.2.2. */
export function isError(type: number): boolean {
  switch (type) {
    case DESTINATION_UNREACHABLE:
    case SOURCE_QUENCH:
    case REDIRECT:
    case TIME_EXCEEDED:
    case PARAMETER_PROBLEM:
      return true;
    default:
      return false;
  }
}

/** The header before a quotation that is there already and reaches to `end`. */
export function writeFragmentationNeeded(view: DataView, at: number, end: number, mtu: number): void {
  view.setUint8(at, DESTINATION_UNREACHABLE);
  view.setUint8(at + CODE, FRAGMENTATION_NEEDED);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM + 2, 0);
  view.setUint16(at + NEXT_HOP_MTU, mtu);
  view.setUint16(at + CHECKSUM, finish(add(view, at, end)));
}

/** Of a query or an answer to one. */
export function identifier(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFIER);
}

export function setIdentifier(view: DataView, at: number, value: number): void {
  view.setUint16(at + IDENTIFIER, value);
}

/** Whether a type asks for an answer. */
export function isQuery(type: number): boolean {
  return type === ECHO || type === TIMESTAMP;
}

/** The type of answers to a query, or of the query to an answer; the same for any other type. */
export function replyTo(type: number): number {
  switch (type) {
    case ECHO:
      return ECHO_REPLY;
    case ECHO_REPLY:
      return ECHO;
    case TIMESTAMP:
      return TIMESTAMP_REPLY;
    case TIMESTAMP_REPLY:
      return TIMESTAMP;
    default:
      return type;
  }
}
