// A tunnel over any burst: the parts that Descriptors puts together for a worker.

import { Decapsulation } from '../../../src/port/decapsulation.ts';
import { TapDecapsulation } from '../../../src/port/tap_decapsulation.ts';
import { TransmitList } from '../../../src/port/transmit_list.ts';
import { VniRegistry } from '../../../src/port/vni_registry.ts';
import { VxlanSockets } from '../../../src/port/vxlan_sockets.ts';
import { VxlanTaps } from '../../../src/port/vxlan_taps.ts';
import type { Burst } from '../../../src/sys/burst.ts';
import type { Counters } from '../../../src/table/counters.ts';
import type { Remotes } from '../../../src/table/remotes.ts';

export function tunnelOver(burst: Burst, counters: Counters, remotes: Remotes) {
  const list = new TransmitList(burst, counters);
  const registry = new VniRegistry(counters, remotes);
  const decapsulation = new Decapsulation(burst, registry, remotes);
  return {
    list,
    registry,
    sockets: new VxlanSockets(list, registry, remotes),
    taps: new VxlanTaps(list, registry, remotes),
    decapsulation,
    tapDecapsulation: new TapDecapsulation(burst, decapsulation),
  };
}
