// ICMP for IPv4, RFC 792, and its errors.
//
//   0               8               16                           31
//   | type          | code          |          checksum          |
//   |      unused, 0; next-hop MTU (RFC 1191); pointer << 24     |
//   | header and first bytes of the datagram that this is about ...

import { add, finish, update } from './checksum.ts';

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

/** Offsets, for those who change what is there. */
export const CHECKSUM = 2;
export const IDENTIFIER = 4;
const REST = 4;

const DESTINATION_UNREACHABLE = 3;
const SOURCE_QUENCH = 4;
const REDIRECT = 5;
const TIME_EXCEEDED = 11;
const PARAMETER_PROBLEM = 12;

/** Type << 8 | code of errors that are sent: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1. */
export const ERROR = {
  net_unreachable: 0x0300,
  host_unreachable: 0x0301,
  protocol_unreachable: 0x0302,
  port_unreachable: 0x0303,
  fragmentation_needed: 0x0304,
  prohibited: 0x030d,
  ttl_exceeded: 0x0b00,
  parameter: 0x0c00,
} as const;

/** Bits of types: echo, timestamp, information, address mask, and their replies. */
const ANSWERED = 0x0007_e101;

export function type(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** RFC 792: of type 8, code 0. */
export function isEchoRequest(view: DataView, at: number): boolean {
  return view.getUint16(at) === ECHO << 8;
}

/** Makes an echo request its reply. @param isFinished whether its checksum is, and not yet to be completed */
export function answerEcho(view: DataView, at: number, isFinished: boolean): void {
  const before = view.getUint16(at);
  view.setUint16(at, ECHO_REPLY << 8);
  if (isFinished)
    view.setUint16(at + CHECKSUM, update(view.getUint16(at + CHECKSUM), before, ECHO_REPLY << 8));
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

/**
 * Whether Linux answers an ICMP message with errors (icmp_pointers in net/ipv4/icmp.c): those that it knows, if they are
 * not errors.
 */
export function mayBeAnswered(type: number): boolean {
  return type < 32 && ((ANSWERED >>> type) & 1) !== 0;
}

/** The header before a quotation that is there already and reaches to `end`. @param rest the word behind the checksum */
export function writeError(view: DataView, at: number, end: number, what: number, rest: number): void {
  view.setUint16(at, what);
  view.setUint16(at + CHECKSUM, 0);
  view.setInt32(at + REST, rest);
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
