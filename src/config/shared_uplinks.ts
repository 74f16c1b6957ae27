// Uplinks that take less than is sent there, as they are shared without anybody's configuration: by a shaper with a queue for each port.

import { formatRate } from './amounts.ts';
import { devicesIn } from './members.ts';
import type { MemberConfig, PortConfig } from './port_shape.ts';
import type { BridgeConfig, LocalConfig, SwitchConfig } from './shape.ts';

type DeviceConfig = PortConfig | MemberConfig;
type AnyConfig = DeviceConfig | ({ type: 'local' } & LocalConfig);

/** Types of ports that lead away: what guests do not take is their own affair. */
export const LEAD_AWAY: ReadonlySet<string> = new Set(['af_packet', 'veth', 'vxlan']);

/** Whether what is sent to a device is shared when it is full. */
export function isShareable(device: AnyConfig): boolean {
  if (!LEAD_AWAY.has(device.type)) return false;
  const qos = 'qos' in device ? device.qos : undefined;
  return qos?.shape === undefined && qos?.when_full !== 'drop';
}

/** @param rates bit/s by name of a port. The same configuration if there is none */
export function withSharedUplinks(config: SwitchConfig, rates: ReadonlyMap<string, number>): SwitchConfig {
  if (rates.size === 0) return config;
  const shared = <Device extends DeviceConfig>(name: string, device: Device): Device => {
    const bits = isShareable(device) ? rates.get(name) : undefined;
    if (bits === undefined) return device;
    const qos = 'qos' in device ? device.qos : undefined;
    return {
      ...device,
      qos: { ...qos, shape: formatRate(bits), classes: [{ name: 'shared', fair: 'ports' }] },
    };
  };
  const withMembers = (name: string, port: PortConfig): PortConfig => {
    if (port.type !== 'aggregate') return shared(name, port);
    const members = Object.entries(port.members).map(([own, member]) => [own, shared(own, member)]);
    return { ...port, members: Object.fromEntries(members) };
  };
  const bridges = Object.entries(config.bridges).map(([name, bridge]): [string, BridgeConfig] => {
    if (!devicesIn(bridge).some(([port]) => rates.has(port))) return [name, bridge];
    const ports = Object.entries(bridge.ports).map(([port, value]) => [port, withMembers(port, value)]);
    return [name, { ...bridge, ports: Object.fromEntries(ports) }];
  });
  return { ...config, bridges: Object.fromEntries(bridges) };
}
