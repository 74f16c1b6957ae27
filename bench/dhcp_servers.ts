// Who gives addresses in leases.ts: Taploom itself, or another server behind a port of the same switch.
//
//   guests --- switch with a network                     or     guests --- switch --- TAP --- dnsmasq or Kea

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SwitchConfigInput } from '../src/index.ts';
import { findTool } from './contenders/contender.ts';
import type { Lab } from './lab.ts';
import type { Process } from './process.ts';

export type DhcpServerName = 'taploom' | 'dnsmasq' | 'kea';
export const BRIDGE = 'tlbench';
export const SERVER_PORT = 'server';

const SUBNET = '10.7.0.0/16';
const SERVER_ADDRESS = '10.7.0.1/16';
const [FIRST, LAST] = ['10.7.1.0', '10.7.100.255'];
const TIMEOUT_MS = 10_000;

/** The others, by the program that has to be installed. */
const PROGRAMS = { dnsmasq: 'dnsmasq', kea: 'kea-dhcp4' } as const;

export function dhcpServers(peers: readonly string[]): DhcpServerName[] {
  const others = (['dnsmasq', 'kea'] as const).filter(
    (name) => findTool(PROGRAMS[name]) && (peers.length === 0 || peers.some((word) => name.includes(word))),
  );
  return ['taploom', ...others];
}

/** @param netns of the other server */
export function switchWith(server: DhcpServerName, guests: object, netns: string): SwitchConfigInput {
  const own = { network: { mode: 'isolated' as const, subnet: SUBNET } };
  const other = { [SERVER_PORT]: { type: 'tap' as const, netns } };
  const bridge = server === 'taploom' ? { ...own, ports: { ...guests } } : { ports: { ...guests, ...other } };
  return { version: 1, bridges: { [BRIDGE]: { local: false, ...bridge } } };
}

/** Starts the other server, if there is one, as soon as its TAP is there. With room for all guests. */
export async function startServer(lab: Lab, server: DhcpServerName, netns: string): Promise<void> {
  if (server === 'taploom') return;
  await lab.deviceAppears(netns, SERVER_PORT);
  lab.ip(netns, `addr add ${SERVER_ADDRESS} dev ${SERVER_PORT}`, `link set ${SERVER_PORT} up`);
  if (server === 'dnsmasq') await startDnsmasq(lab, netns);
  else await startKea(lab, netns);
}

/**
 * Without the ping before an offer: it waits three seconds for each, in which it hears nobody else, so that 1,000 guests would
 * take an hour.
 */
async function startDnsmasq(lab: Lab, netns: string): Promise<Process> {
  const words = `-d -p 0 -C /dev/null --user=root --dhcp-authoritative --no-ping --dhcp-lease-max=10000`;
  const range = `--dhcp-range=${FIRST},${LAST}`;
  const command = [PROGRAMS.dnsmasq, ...words.split(' '), `--interface=${SERVER_PORT}`, range];
  const dnsmasq = lab.start([...command, `--dhcp-leasefile=${join(lab.folder(), 'leases')}`], { netns });
  await dnsmasq.waitFor(/DHCP, IP range/, TIMEOUT_MS);
  return dnsmasq;
}

/** As it comes: leases in a file, no probe before an offer. It says nothing of single leases. */
async function startKea(lab: Lab, netns: string): Promise<Process> {
  const folder = lab.folder();
  const file = join(folder, 'kea.json');
  const logger = (name: string, severity: string) => ({
    name,
    severity,
    output_options: [{ output: 'stdout' }],
  });
  const config = {
    'interfaces-config': { interfaces: [SERVER_PORT] },
    'lease-database': { type: 'memfile', name: join(folder, 'leases.csv') },
    authoritative: true,
    subnet4: [{ id: 1, subnet: SUBNET, pools: [{ pool: `${FIRST} - ${LAST}` }] }],
    loggers: [logger('kea-dhcp4', 'INFO'), logger('kea-dhcp4.leases', 'WARN')],
  };
  writeFileSync(file, JSON.stringify({ Dhcp4: config }));
  const own = [`KEA_PIDFILE_DIR=${folder}`, `KEA_LOCKFILE_DIR=${folder}`];
  const kea = lab.start(['env', ...own, PROGRAMS.kea, '-c', file], { netns });
  await kea.waitFor(/DHCP4_STARTED/, TIMEOUT_MS);
  return kea;
}
