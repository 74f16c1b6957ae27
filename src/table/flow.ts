// A connection that is about to be opened: the packet as it came and as it will leave. One of them is filled again and again.
//
//   came    src:port -> dst:port          left    newSrc:port -> newDst:port
//   answer  newDst:port -> newSrc:port    left    dst:port -> src:port
//
// `ports` is source << 16 | destination; of ICMP queries identifier << 16 | type; 0 for protocols without either.

import { fold } from '../wire/checksum.ts';
import { PROTOCOL_ICMP, replyTo } from '../wire/icmp.ts';
import { NEXT_HEADER_ICMPV6, replyTo as replyTo6 } from '../wire/icmpv6.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';

/** What a line is of: the lowest byte of its kind; the next is the protocol, the upper half the zone. */
export const OF = { flow4: 4, flow6: 6, inside: 1, outside: 2, guest: 3, address: 5 } as const;

const NO_LIMIT = 0x7fff_ffff;

export class Flow {
  kind = 0;
  ports = 0;
  src = 0;
  dst = 0;
  newPorts = 0;
  newSrc = 0;
  newDst = 0;
  /** The number that the rule keeps; 0 = nobody translates it. */
  rule = 0;
  /** The line of its mapping; 0 = it has none. */
  mapping = 0;
  /** Whose it is: the address behind us that it counts for, or the port, with how many it may have at most. */
  guest = 0;
  guestZone = 0;
  guestLimit = NO_LIMIT;
  /** Of policy: what both ends have let it (ADMITTED); 0 = it is none of policy's. */
  entry = 0;
  exit = 0;
  /** Of policy, IPv6: source and destination, whose hashes are `src` and `dst`. */
  readonly addresses = new Int32Array(8);

  get protocol(): number {
    return protocolOf(this.kind);
  }

  /** As a packet that nobody translates yet. */
  begin(kind: number, ports: number, src: number, dst: number): void {
    this.kind = kind;
    this.ports = ports;
    this.src = src;
    this.dst = dst;
    this.newPorts = ports;
    this.newSrc = src;
    this.newDst = dst;
    this.rule = 0;
    this.mapping = 0;
    this.guest = src;
    this.guestZone = zoneOf(kind);
    this.guestLimit = NO_LIMIT;
    this.entry = 0;
    this.exit = 0;
  }

  setSource(address: number, port: number): void {
    this.newSrc = address;
    this.newPorts = (port << 16) | (this.newPorts & 0xffff);
  }

  setDestination(address: number, port: number): void {
    this.newDst = address;
    this.newPorts = (this.newPorts & ~0xffff) | port;
  }
}

export function kindOf(zone: number, protocol: number, of: number): number {
  return (zone << 16) | (protocol << 8) | of;
}

export function zoneOf(kind: number): number {
  return kind >>> 16;
}

export function protocolOf(kind: number): number {
  return (kind >>> 8) & 0xff;
}

/** Whether connections of a protocol are told apart by ports, or identifiers. */
export function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || protocol === PROTOCOL_ICMP;
}

/** `ports` of an answer. */
export function answerPorts(protocol: number, ports: number): number {
  if (protocol === PROTOCOL_ICMP) return (ports & ~0xff) | replyTo(ports & 0xff);
  if (protocol === NEXT_HEADER_ICMPV6) return (ports & ~0xff) | replyTo6(ports & 0xff);
  return (ports << 16) | (ports >>> 16);
}

/** What two words that become others add to the sum of a checksum: RFC 1624, ~m + m' of equation 3. */
export function sumOfChange(a: number, newA: number, b: number, newB: number): number {
  return fold(fold(halves(~a) + halves(newA)) + fold(halves(~b) + halves(newB)));
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}
