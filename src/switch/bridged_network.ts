// What is said of a network in mode `bridged`: the LAN does the rest, if some port leads there.

import type { NetworkStatus } from '../api.ts';
import type { BridgeConfig } from '../config/shape.ts';

/** Ports of guests: all others may lead to a LAN. */
const GUESTS = ['tap', 'veth', 'memory', 'tun', 'vhost_user'];

export function bridgedStatus(
  name: string,
  { ports }: BridgeConfig,
): Pick<NetworkStatus, 'uplink' | 'problems'> {
  const uplinks = Object.keys(ports).filter((port) => !GUESTS.includes(ports[port].type));
  if (uplinks.length > 0) return { uplink: uplinks.join(' '), problems: [] };
  const help = `taploom port add ${name} eth0 --type af_packet`;
  return {
    problems: [`no port of ${name} leads to a LAN; such as \`${help}\` attaches an interface of the host`],
  };
}
