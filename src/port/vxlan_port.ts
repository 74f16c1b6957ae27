// What the data plane needs to know of a VXLAN port (RFC 7348).

import type { Mac } from '../wire/mac.ts';

/** The TAP under a tunnel: see vxlan_taps.ts. */
export interface Underlay {
  fd: number;
  /** Address of the interface. */
  mac: Mac;
  /** IPv4 address of this end. */
  local: number;
  ttl: number;
  /** The first UDP source port, and how many there are. */
  sourcePort: number;
  sourcePorts: number;
}

export interface VxlanPort {
  port: number;
  vni: number;
  /** Number of the receiving socket that it listens on. */
  vtep: number;
  family: 4 | 6;
  dstPort: number;
  /** Sending sockets, a power of two. */
  senders: number[];
  /** Use UDP_SEGMENT. The kernel does so only for sockets that send checksums. */
  udpSegment: boolean;
  /** Outer TOS without its ECN bits, or -1 for the inner packet's. */
  tos: number;
  remoteLearning: boolean;
  /** Most remotes that may be learned. */
  maxRemotes: number;
  /** The TAP through which it sends and receives instead of sockets. Then `senders` is empty. */
  underlay?: Underlay;
}
