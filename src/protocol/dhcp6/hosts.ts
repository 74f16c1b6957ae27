// Hosts whose IPv6 address the configuration says: by the identifier of a client, its MAC address, or its port.

import { formatIp, type IpBytes } from '../../wire/ip_address.ts';
import type { Lease6 } from './lease.ts';

/** Known by one of the three. */
export interface Host6 {
  readonly name: string;
  /** Hexadecimal digits. */
  readonly duid?: string;
  readonly mac?: string;
  readonly port?: string;
  readonly address: IpBytes;
}

export class Hosts6 {
  private readonly byKey = new Map<string, Host6>();
  private readonly byAddress = new Map<string, Host6>();

  constructor(hosts: readonly Host6[]) {
    for (const host of hosts) {
      const { duid, mac, port, address } = host;
      for (const [key, value] of Object.entries({ duid, mac, port }))
        if (value !== undefined) this.byKey.set(`${key} ${value}`, host);
      this.byAddress.set(formatIp(address), host);
    }
  }

  at(address: IpBytes): Host6 | undefined {
    return this.byAddress.get(formatIp(address));
  }

  /** Behind a relay agent all have the same port. */
  find({ mac, port, relayed }: Pick<Lease6, 'mac' | 'port' | 'relayed'>, duid: string): Host6 | undefined {
    return (
      this.byKey.get(`duid ${duid}`) ??
      this.byKey.get(`mac ${mac}`) ??
      (relayed ? undefined : this.byKey.get(`port ${port}`))
    );
  }

  /** Of who has a lease. */
  ofLease(lease: Lease6): Host6 | undefined {
    return this.find(lease, lease.client.split(' ', 1)[0]);
  }
}
