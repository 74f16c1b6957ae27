// Rules for tunnels over a TAP instead of sockets.

import type { Problem } from './config_error.ts';
import type { VxlanPortConfig } from './port_shape.ts';
import type { SwitchConfig } from './shape.ts';

/** What is left of the largest IP packet behind the outer headers and an inner Ethernet header with two tags. */
const MAX_UNDERLAY_MTU = 65_535 - 20 - 8 - 8 - 14 - 8;

/** A TAP under tunnels carries one address and UDP port, and that address is reached through nothing else. */
export function checkUnderlays({ bridges }: SwitchConfig, problems: Problem[]): void {
  const tunnels = Object.entries(bridges).flatMap(([name, { ports }]) =>
    Object.entries(ports).flatMap(([portName, port]) =>
      port.type === 'vxlan' ? [{ port, portName, path: ['bridges', name, 'ports', portName] }] : [],
    ),
  );
  const byAddress = new Map<string, Tunnel>();
  const byTap = new Map<string, Tunnel>();
  for (const tunnel of tunnels) {
    const { port, portName, path } = tunnel;
    const { local, underlay_tap, mtu } = port;
    const report = (key: string, message: string) => problems.push({ path: [...path, key], message });
    const others = [firstOf(byAddress, local, tunnel), firstOf(byTap, underlay_tap, tunnel)];
    const other = others.find((one) => one !== undefined && !agree(one.port, port));
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

interface Tunnel {
  port: VxlanPortConfig;
  portName: string;
  path: string[];
}

/** The first tunnel under `key`: what it says is what all others must say. */
function firstOf(seen: Map<string, Tunnel>, key: string | undefined, tunnel: Tunnel): Tunnel | undefined {
  if (key === undefined) return undefined;
  const first = seen.get(key);
  if (first === undefined) seen.set(key, tunnel);
  return first;
}

function agree(a: VxlanPortConfig, b: VxlanPortConfig): boolean {
  const isSameTap = a.underlay_tap === b.underlay_tap;
  if (a.local !== b.local) return !isSameTap || a.underlay_tap === undefined;
  return isSameTap && (a.underlay_tap === undefined || a.dst_port === b.dst_port);
}
