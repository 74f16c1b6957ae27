// A tunnel over any burst: the parts that Descriptors puts together for a worker.

import { Decapsulation } from '../../../src/port/decapsulation.ts';
import { TapDecapsulation } from '../../../src/port/tap_decapsulation.ts';
import { TooBigReceiver } from '../../../src/port/too_big_receiver.ts';
import { TransmitList } from '../../../src/port/transmit_list.ts';
import { VniRegistry } from '../../../src/port/vni_registry.ts';
import { VxlanSockets } from '../../../src/port/vxlan_sockets.ts';
import { VxlanTaps } from '../../../src/port/vxlan_taps.ts';
import type { Burst } from '../../../src/sys/burst.ts';
import type { Counters } from '../../../src/table/counters.ts';
import { Paths } from '../../../src/table/paths.ts';
import type { Remotes } from '../../../src/table/remotes.ts';

export function tunnelOver(burst: Burst, counters: Counters, remotes: Remotes) {
  const list = new TransmitList(burst, counters);
  const paths = new Paths(1000);
  const registry = new VniRegistry(counters, remotes);
  const decapsulation = new Decapsulation(burst, registry, remotes);
  return {
    list,
    registry,
    sockets: new VxlanSockets(list, registry, remotes, paths),
    taps: new VxlanTaps(list, registry, remotes),
    decapsulation,
    paths,
    tooBig: new TooBigReceiver(burst, registry, remotes, paths),
    tapDecapsulation: new TapDecapsulation(burst, decapsulation),
  };
}
