// LLDP as a switch tells of it.

import type { LldpNeighbor, LldpPortStatus } from '../../src/api.ts';

export function lldpNeighbor(change: Partial<LldpNeighbor> = {}): LldpNeighbor {
  return {
    bridge: 'br0',
    port: 'vm1',
    mac: '02:00:00:00:0a:01',
    vlan: 0,
    chassisId: '02:00:00:00:0a:01',
    chassisIdType: 'mac',
    portId: 'Gi1/0/24',
    portIdType: 'interface_name',
    ttl: 120,
    expiresIn: 117.5,
    age: 2.5,
    systemName: 'core-1',
    systemDescription: 'A switch of somebody',
    capabilities: ['bridge', 'router'],
    enabledCapabilities: ['bridge'],
    managementAddresses: ['192.0.2.7'],
    pvid: 10,
    otherTlvs: [{ type: 127, oui: '00:12:0f', subtype: 1, length: 5, hex: '0080000036' }],
    ...change,
  };
}

export function lldpPort(change: Partial<LldpPortStatus> = {}): LldpPortStatus {
  return {
    bridge: 'br0',
    port: 'vm1',
    mode: 'both',
    neighbors: 1,
    counters: {
      framesIn: 1,
      framesOut: 2,
      framesDiscarded: 3,
      framesInErrors: 4,
      framesNotSent: 5,
      tlvsDiscarded: 6,
      tlvsUnrecognized: 7,
      tlvsOmitted: 8,
      ageouts: 9,
      neighborsRefused: 10,
    },
    ...change,
  };
}
