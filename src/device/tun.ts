// TUN ports: an interface without Ethernet, whose packets get and lose their MAC headers in the data plane.

import { constants } from 'node:os';
import { stableMac } from '../config/defaults.ts';
import type { TunPortConfig } from '../config/schema.ts';
import { tunSpec } from '../port/tun_spec.ts';
import { LinkSocket } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import { type TapDevice, tapName } from '../sys/tap.ts';
import { closeFd, closeFdAside } from '../sys/wake.ts';
import type { Device } from './device.ts';
import { attach, explain, ownTap } from './tap.ts';

export function openTunPort(port: number, name: string, config: TunPortConfig, mtu: number): Device {
  const { netns, owner, group, persist, offloads } = config;
  const multiQueue = config.queues > 1;
  const options = { name, netns, owner, group, persist, offloads, mtu, multiQueue, isTun: true };
  const tun = attach('tun', options);
  const fds = [tun.fd];
  try {
    addAddresses(tun, config.address);
    while (fds.length < config.queues) fds.push(attach('tun', options).fd);
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw explain(error, `Cannot attach port ${name}`, 'tun', !tun.created, netns);
  }
  const mac = config.mac ?? stableMac(name);
  const spec = tunSpec(port, { fds, offloads: tun.offloads }, mac, config);
  const device = ownTap(port, name, tun, { ...config, mac: undefined }, undefined, { mac, spec });
  return withQueues(device, fds.slice(1));
}

/** The interface goes with its last queue. */
function withQueues(device: Device, fds: readonly number[]): Device {
  if (fds.length === 0) return device;
  for (const end of ['close', 'remove', 'undo'] as const) {
    const own = device[end];
    device[end] = async () => {
      await Promise.all([own?.(), ...fds.map((fd) => closeFdAside(fd))]);
    };
  }
  return device;
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
