// What the data plane needs to know of a TUN port.

import type { FaultOptions } from './faulty_port.ts';

export interface TunDeviceSpec {
  kind: 'tun';
  port: number;
  fd: number;
  /** TUNSETOFFLOAD bits. */
  offloads: number;
  /** The MAC under which everything behind the TUN is known on the bridge. */
  hi: number;
  lo: number;
  /** Addresses of the other end, for which the port answers: four words of an address in network order, and bits of its prefix. */
  addresses: Int32Array;
  /** For what is in none of these prefixes: words of an IPv4 and of an IPv6 address, all 0 = the destination itself. */
  gateways: Int32Array;
  /** See TunStations. */
  stations: SharedArrayBuffer;
  seed: number;
  fault?: FaultOptions;
}
