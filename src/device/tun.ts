// TUN ports: an interface without Ethernet, whose packets get and lose their MAC headers in the data plane.

import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { stableMac } from '../config/defaults.ts';
import type { TunPortConfig } from '../config/schema.ts';
import { addressOf } from '../config/tun.ts';
import type { TunDeviceSpec } from '../port/tun_spec.ts';
import { LinkSocket } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import { type TapDevice, tapName } from '../sys/tap.ts';
import { closeFd } from '../sys/wake.ts';
import { MAPPED, TunStations } from '../table/tun_stations.ts';
import type { IpBytes } from '../wire/ip_address.ts';
import { parseIp } from '../wire/ip_address.ts';
import { parseMac } from '../wire/mac.ts';
import type { Device } from './device.ts';
import { attach, explain, ownTap } from './tap.ts';

export function openTunPort(port: number, name: string, config: TunPortConfig, mtu: number): Device {
  const { netns, owner, group, persist, offloads } = config;
  const tun = attach('port', { name, netns, owner, group, persist, offloads, mtu, isTun: true });
  try {
    addAddresses(tun, config.address);
  } catch (error) {
    closeFd(tun.fd);
    throw explain(error, `Cannot attach port ${name}`, 'port', !tun.created, netns);
  }
  const mac = config.mac ?? stableMac(name);
  return ownTap(port, name, tun, { ...config, mac: undefined }, undefined, {
    mac,
    spec: specOf(port, tun, config, mac),
  });
}

function addAddresses(tun: TapDevice, addresses: readonly string[]): void {
  if (addresses.length === 0) return;
  using links = LinkSocket.ofTap(tun.fd);
  for (const address of addresses) {
    try {
      links.addAddress(tapName(tun.fd), address);
    } catch (error) {
      // One that was kept has them already.
      if (!(error instanceof SysError) || error.errno !== constants.errno.EEXIST) throw error;
    }
  }
}

function specOf(port: number, tun: TapDevice, config: TunPortConfig, mac: string): TunDeviceSpec {
  const { hi, lo } = parseMac(mac) as { hi: number; lo: number };
  const gateways = new Int32Array(8);
  for (const gateway of config.gateway) {
    const bytes = parseIp(gateway) as IpBytes;
    gateways.set(wordsOf(bytes), bytes.length === 4 ? 0 : 4);
  }
  const addresses = config.address.flatMap((address) => {
    const bytes = addressOf(address);
    const bits = Number(address.split('/')[1]);
    return [...wordsOf(bytes), bytes.length === 4 ? 96 + bits : bits];
  });
  return {
    ...{ kind: 'tun', port, fd: tun.fd, offloads: tun.offloads, hi, lo, gateways },
    addresses: Int32Array.from(addresses),
    stations: TunStations.allocate(),
    seed: randomInt(2 ** 32) | 0,
    fault: config.fault,
  };
}

/** In network order; IPv4 as ::ffff:a.b.c.d. */
function wordsOf(bytes: IpBytes): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return [0, 0, MAPPED, view.getInt32(0)];
  return [0, 4, 8, 12].map((at) => view.getInt32(at));
}
