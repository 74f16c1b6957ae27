// A client's message in its context: who asks, where, and for which subnet.

import type { DhcpFrame } from '../../wire/dhcp4/frame.ts';
import type { Punt } from '../host.ts';
import type { Client } from './client.ts';
import type { Holder } from './lease.ts';
import type { Pool } from './pool.ts';
import type { DhcpHost } from './settings.ts';

export interface Request {
  readonly frame: DhcpFrame;
  readonly client: Client;
  /** What its pool knows it by. */
  readonly key: string;
  readonly pool: Pool;
  readonly host: DhcpHost | undefined;
  readonly relayed: boolean;
  readonly port: string;
  readonly vlan: number;
  readonly tag: number;
  /** MTU of the port; undefined: nobody knows it. */
  readonly mtu: number | undefined;
}

/** Where a frame came from and its answer goes. */
export type Origin = Pick<Punt, 'port' | 'vlan' | 'tag'>;

/** The name that the configuration has for a guest is its name, whatever it says. */
export function holderOf({ key, client, host, port, relayed }: Request): Holder {
  const hostName = host?.options?.hostName ?? client.hostName;
  return { client: key, mac: client.mac, port, relayed, hostName };
}

/** Of a machine that is not the only one with its identifier. */
export function keyWithMac({ key, client }: Pick<Request, 'key' | 'client'>): string {
  return `${key} ${client.mac}`;
}

/** The address that the configuration has for it in this subnet. */
export function fixedAddressOf({ host, pool }: Request): number | undefined {
  const address = host?.address;
  return address !== undefined && pool.contains(address) ? address : undefined;
}
