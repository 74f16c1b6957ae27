// What multicast snooping needs of the data plane, and of whoever knows its numbers.

import type { Compiler } from '../compile/compiler.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { bridgeOf } from '../config/without_ports.ts';
import { hop } from '../frame/hop.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { isLinkUp } from './link_up.ts';
import type { OpenPorts } from './open_ports.ts';
import type { SnoopingFacts } from './snooping_service.ts';

export function snoopingFacts(
  compiler: Compiler,
  open: OpenPorts,
  plane: PlaneClient,
  config: () => SwitchConfig,
): SnoopingFacts {
  return {
    macOf: (bridge) => open.devices.get(bridge)?.mac,
    domainOf: (bridge, vlan) => compiler.domains.find(bridge, vlan),
    hopsOf: (name) => {
      const port = compiler.ports.find(name);
      const bridge = bridgeOf(config(), name);
      const own = bridge === undefined ? undefined : config().bridges[bridge].ports[name];
      if (port === undefined) return [];
      if (own?.type !== 'vxlan') return [port];
      // Behind a tunnel every remote gets the group, as it gets what is flooded.
      return own.remotes.flatMap((remote) => {
        const row = compiler.remoteRow(name, remote);
        return row === undefined ? [] : [hop(port, row)];
      });
    },
    lookAtLinks: () => open.linkWatch.lookUp(),
    isUp: (name) => isLinkUp(open, name),
    publish: (changes) => plane.request({ kind: 'groups', changes }),
  };
}
