// What the host needs of the data plane, and of whoever knows its numbers.

import type { Compiler } from '../compile/compiler.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import type { PortFacts } from './port_facts.ts';
import type { Surroundings } from './service.ts';
import type { HostLinks } from './switch_host.ts';

export function hostLinks(
  plane: PlaneClient,
  compiler: Compiler,
  facts: () => Pick<PortFacts, 'trap' | 'traps'>,
  { threaded, world }: Surroundings,
): HostLinks {
  return {
    toHost: plane.toHost,
    fromHost: (port) => plane.fromHost(port),
    wake: (port) => plane.wake(port),
    numberOf: (port) => compiler.ports.find(port),
    nameOf: (port) => compiler.ports.name(port),
    domainOf: (bridge, vlan) => compiler.domains.find(bridge, vlan),
    vlanOf: (domain) => compiler.domain(domain)?.vid ?? 0,
    bitOf: (reason) => facts().traps.bitOf(reason),
    now: () => world.now(),
    isPolled: !threaded,
    trap: (port, reason, isOn) => facts().trap(port, reason, isOn),
  };
}
