// Ports that lead to multicast routers: in any VLAN, by IGMP or by MLD, as the kernel tells it.

import type { MulticastVlan } from '../../api.ts';
import type { MulticastFact } from '../../event.ts';

export class RouterPorts {
  /** Of a bridge's port: VLANs and protocols. */
  private readonly reasons = new Map<string, Set<string>>();

  constructor(vlans: readonly MulticastVlan[]) {
    for (const { bridge, vlan, protocol, routers } of vlans) {
      for (const { port } of routers) this.change({ change: 'router_added', bridge, vlan, protocol, port });
    }
  }

  /** Whether the port has become one, or is one no longer. */
  change({ change, bridge, vlan, protocol, port }: Omit<MulticastFact, 'type'>): boolean {
    const key = `${bridge}/${port}`;
    const reasons = this.reasons.get(key) ?? new Set();
    this.reasons.set(key, reasons);
    const was = reasons.size > 0;
    if (change === 'router_added') reasons.add(`${vlan}/${protocol}`);
    if (change === 'router_removed') reasons.delete(`${vlan}/${protocol}`);
    return was !== reasons.size > 0;
  }
}
