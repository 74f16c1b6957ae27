// Hosts of a network's DHCP server: each is known by something of its own.

import type { DhcpConfig } from './network_shape.ts';

type Report = (path: string[], message: string) => void;

export function checkHostKeys(hosts: DhcpConfig['hosts'], report: Report): void {
  const owners = new Map<string, string>();
  for (const [name, { mac, client_id, port }] of Object.entries(hosts)) {
    for (const [key, value] of Object.entries({ mac, client_id: client_id?.toLowerCase(), port })) {
      if (value === undefined) continue;
      const what = `${key} ${value}`;
      const owner = owners.get(what);
      if (owner !== undefined) report([name, key], `host ${owner} is known by ${what} already`);
      owners.set(what, name);
    }
  }
}
