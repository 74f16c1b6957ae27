// TUN ports: an interface without Ethernet, whose packets get and lose their MAC headers in the data plane.

import { constants } from 'node:os';
import { stableMac } from '../config/defaults.ts';
import type { TunPortConfig } from '../config/schema.ts';
import { tunSpec } from '../port/tun_spec.ts';
import { LinkSocket } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import { type TapDevice, tapName } from '../sys/tap.ts';
import { closeFd } from '../sys/wake.ts';
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
    spec: tunSpec(port, tun, mac, config),
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
