// What the switch tells about its bridges.

import type { BridgeStatus, StpStatus } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { CounterView } from './counter_view.ts';

/** @param macOf address of a bridge, that of its own interface if it has one */
export function bridgeStatuses(
  config: SwitchConfig,
  compiler: Compiler,
  counters: CounterView,
  macOf: (bridge: string) => string,
  stpOf: (bridge: string) => StpStatus | undefined,
): BridgeStatus[] {
  return Object.entries(config.bridges).flatMap(([name, bridge]) => {
    const number = compiler.bridges.find(name);
    if (number === undefined) return []; // about to be deleted
    return {
      name,
      mac: macOf(name),
      vlanFiltering: bridge.vlan_filtering,
      ageingTime: bridge.ageing_time,
      learnedAddresses: counters.learnedIn(number),
      stp: stpOf(name),
      ports: Object.keys(bridge.ports),
    };
  });
}
