// Rules for tunnels over a TAP instead of sockets.

import type { Problem } from './config_error.ts';
import type { SwitchConfig, VxlanPortConfig } from './shape.ts';

/** What is left of the largest IP packet behind the outer headers and an inner Ethernet header with two tags. */
const MAX_UNDERLAY_MTU = 65_535 - 20 - 8 - 8 - 14 - 8;

/** A TAP under tunnels carries one address and UDP port, and that address is reached through nothing else. */
export function checkUnderlays({ bridges }: SwitchConfig, problems: Problem[]): void {
  const tunnels = Object.entries(bridges).flatMap(([name, { ports }]) =>
    Object.entries(ports).flatMap(([portName, port]) =>
      port.type === 'vxlan' ? [{ port, portName, path: ['bridges', name, 'ports', portName] }] : [],
    ),
  );
  for (const [index, { port, portName, path }] of tunnels.entries()) {
    const { local, underlay_tap, mtu } = port;
    const report = (key: string, message: string) => problems.push({ path: [...path, key], message });
    const other = tunnels.slice(0, index).find((tunnel) => !agree(tunnel.port, port));
    if (other !== undefined) {
      const { local, dst_port, underlay_tap = 'sockets' } = other.port;
      const message = `port ${other.portName} uses ${underlay_tap} for ${local} UDP port ${dst_port}`;
      report('underlay_tap', message);
    }
    if (underlay_tap === undefined) continue;
    if (local.includes(':')) report('local', `port ${portName} has an underlay_tap, which is for IPv4 only`);
    if (port.udp_checksum)
      report('udp_checksum', 'through an underlay_tap the outer checksum is zero: set this to false');
    if (mtu !== undefined && mtu > MAX_UNDERLAY_MTU)
      report('mtu', `an MTU over an underlay_tap is at most ${MAX_UNDERLAY_MTU}`);
  }
}

function agree(a: VxlanPortConfig, b: VxlanPortConfig): boolean {
  const isSameTap = a.underlay_tap === b.underlay_tap;
  if (a.local !== b.local) return !isSameTap || a.underlay_tap === undefined;
  return isSameTap && (a.underlay_tap === undefined || a.dst_port === b.dst_port);
}
