// The guests that the configuration knows, found by what is most their own: client identifier, hardware address, port.

import type { Client } from './client.ts';
import type { DhcpHost } from './settings.ts';

export class Hosts {
  private readonly byKey = new Map<string, DhcpHost>();

  constructor(hosts: readonly DhcpHost[]) {
    for (const host of hosts) this.byKey.set(keyOf(host), host);
  }

  find({ clientId, mac }: Pick<Client, 'clientId' | 'mac'>, port: string): DhcpHost | undefined {
    const keys = [keyOf({ clientId }), keyOf({ mac }), keyOf({ port })];
    return keys
      .map((key) => this.byKey.get(key))
      .find((host) => host !== undefined && isTrue(host, clientId, mac, port));
  }
}

function keyOf({ clientId, mac, port }: DhcpHost): string {
  if (clientId !== undefined) return `id ${clientId.toLowerCase()}`;
  return mac === undefined ? `port ${port}` : `mac ${mac.toLowerCase()}`;
}

/** Whether also what it was not found by matches. */
function isTrue(host: DhcpHost, clientId: string, mac: string, port: string): boolean {
  return (
    (host.clientId?.toLowerCase() ?? clientId) === clientId &&
    (host.mac?.toLowerCase() ?? mac) === mac &&
    (host.port ?? port) === port
  );
}
