// Who gives addresses in leases.ts: Taploom itself, or dnsmasq behind a port of the same switch.
//
//   guests --- switch with a network                     or     guests --- switch --- TAP --- dnsmasq

import { join } from 'node:path';
import type { SwitchConfigInput } from '../src/index.ts';
import { findTool } from './contenders/contender.ts';
import type { Lab } from './lab.ts';
import type { Process } from './process.ts';

export type DhcpServerName = 'taploom' | 'dnsmasq';
export const BRIDGE = 'tlbench';
export const SERVER_PORT = 'server';

const SUBNET = '10.7.0.0/16';
const SERVER_ADDRESS = '10.7.0.1/16';
const RANGE = '10.7.1.0,10.7.100.255';
const TIMEOUT_MS = 10_000;

export function dhcpServers(peers: readonly string[]): DhcpServerName[] {
  const isAsked = peers.length === 0 || peers.some((word) => 'dnsmasq'.includes(word));
  return isAsked && findTool('dnsmasq') ? ['taploom', 'dnsmasq'] : ['taploom'];
}

/** @param netns of dnsmasq */
export function switchWith(server: DhcpServerName, guests: object, netns: string): SwitchConfigInput {
  const own = { network: { mode: 'isolated' as const, subnet: SUBNET } };
  const other = { [SERVER_PORT]: { type: 'tap' as const, netns } };
  const bridge = server === 'taploom' ? { ...own, ports: { ...guests } } : { ports: { ...guests, ...other } };
  return { version: 1, bridges: { [BRIDGE]: { local: false, ...bridge } } };
}

/**
 * With room for all guests, and without the ping before an offer: it waits three seconds for each, in which it hears nobody
 * else, so that 1,000 guests would take an hour. Its TAP has to be there.
 */
export async function startDnsmasq(lab: Lab, netns: string): Promise<Process> {
  await lab.deviceAppears(netns, SERVER_PORT);
  lab.ip(netns, `addr add ${SERVER_ADDRESS} dev ${SERVER_PORT}`, `link set ${SERVER_PORT} up`);
  const words = `-d -p 0 -C /dev/null --user=root --dhcp-authoritative --no-ping --dhcp-lease-max=10000`;
  const command = ['dnsmasq', ...words.split(' '), `--interface=${SERVER_PORT}`, `--dhcp-range=${RANGE}`];
  const dnsmasq = lab.start([...command, `--dhcp-leasefile=${join(lab.folder(), 'leases')}`], { netns });
  await dnsmasq.waitFor(/DHCP, IP range/, TIMEOUT_MS);
  return dnsmasq;
}
