// What the switch tells about a port: its configuration, its device, its counters and the kernel's view, together.

import type { PortStatus } from '../api.ts';
import type { BridgeConfig } from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import type { Look } from '../device/link_watch.ts';
import type { CounterView } from './counter_view.ts';

export interface PortFacts {
  bridge: string;
  name: string;
  /** brctl's, within the bridge. */
  number: number;
  /** The data plane's. */
  index: number;
  config: BridgeConfig;
  device: Device | undefined;
  mtu: number | undefined;
  isGone: boolean;
  look: Look;
  counters: CounterView;
}

export function portStatus(facts: PortFacts): PortStatus {
  const { bridge, name, number, index, config, device, mtu, isGone, look, counters } = facts;
  const port = Object.hasOwn(config.ports, name) ? config.ports[name] : undefined;
  const local = port === undefined ? config.local : false;
  // The data plane knows only how the last frame fared.
  const isUp = look.up ?? counters.isUp(index);
  return {
    bridge,
    name,
    type: port?.type ?? 'local',
    number,
    state: isGone ? 'gone' : isUp ? 'up' : 'down',
    mtu: mtu ?? 0,
    mac: device?.mac,
    netns:
      port?.type === 'tap' || port?.type === 'af_packet'
        ? port.netns
        : local === false
          ? undefined
          : local.netns,
    offloads: device?.offloads,
    queueDropped: look.queueDropped,
    learnedAddresses: counters.learnedOn(index),
    counters: counters.port(index),
  };
}
