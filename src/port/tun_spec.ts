// What the data plane needs to know of a TUN port.

import { randomInt } from 'node:crypto';
import { MAPPED, TunStations } from '../table/tun_stations.ts';
import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { type Mac, parseMac } from '../wire/mac.ts';
import type { FaultOptions } from './faulty_port.ts';

export interface TunDeviceSpec {
  kind: 'tun';
  port: number;
  /** One for each queue. Worker n reads every queue whose number is n modulo the workers. */
  fds: readonly number[];
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

interface TunSettings {
  /** With the lengths of their prefixes. */
  address: readonly string[];
  gateway: readonly string[];
  fault?: FaultOptions;
}

export function tunSpec(
  port: number,
  { fds, offloads }: { fds: readonly number[]; offloads: number },
  mac: string,
  { address, gateway, fault }: TunSettings,
): TunDeviceSpec {
  const { hi, lo } = parseMac(mac) as Mac;
  const gateways = new Int32Array(8);
  for (const one of gateway) {
    const bytes = parseIp(one) as IpBytes;
    gateways.set(addressWords(bytes), bytes.length === 4 ? 0 : 4);
  }
  const addresses = address.flatMap((one) => {
    const [text, bits] = one.split('/');
    const bytes = parseIp(text) as IpBytes;
    return [...addressWords(bytes), Number(bits) + (bytes.length === 4 ? 96 : 0)];
  });
  return {
    ...{ kind: 'tun', port, fds, offloads, hi, lo, gateways, fault },
    addresses: Int32Array.from(addresses),
    stations: TunStations.allocate(),
    seed: randomInt(2 ** 32) | 0,
  };
}

/** In network order; IPv4 as ::ffff:a.b.c.d. */
function addressWords(bytes: IpBytes): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return [0, 0, MAPPED, view.getInt32(0)];
  return [0, 4, 8, 12].map((at) => view.getInt32(at));
}
