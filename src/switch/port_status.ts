// What the switch tells about a port: its configuration, its device, its counters and the kernel's view, together.

import type { PortStatus } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { portViews } from '../compile/port_view.ts';
import type { BridgeConfig, SwitchConfig } from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import type { Look } from '../device/link_watch.ts';
import type { CounterView } from './counter_view.ts';
import type { OpenPorts } from './open_ports.ts';

interface PortFacts {
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

function portStatus(facts: PortFacts): PortStatus {
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

export function portStatuses(config: SwitchConfig, compiler: Compiler, open: OpenPorts): PortStatus[] {
  const { counters, devices, mtus, goneNames, linkWatch } = open;
  return Object.entries(config.bridges).flatMap(([bridge, config]) =>
    portViews(bridge, config).flatMap(({ name }, place) => {
      const index = compiler.ports.find(name);
      if (index === undefined) return []; // about to be deleted
      return portStatus({
        bridge,
        name,
        number: config.local === false ? place + 1 : place,
        index,
        config,
        device: devices.get(name),
        mtu: mtus.get(name),
        isGone: goneNames.has(name),
        look: linkWatch.at(name),
        counters,
      });
    }),
  );
}
