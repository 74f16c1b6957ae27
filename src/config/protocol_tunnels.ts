// Tunnels for control protocols: whose frames they carry, the switch does not speak on the same port.

import type { L2cpName } from '../wire/l2cp.ts';
import type { Problem } from './config_error.ts';
import { membersOf } from './members.ts';
import type { PortConfig } from './port_shape.ts';
import type { BridgeConfig } from './shape.ts';
import { isStpOn, portStp } from './stp.ts';
import { isProvider } from './vlan_protocol.ts';

/** Frames of a protocol that a port may send a second, unless told otherwise. No bridge that means well needs a tenth of it. */
export const TUNNEL_LIMIT = 100;

/** Cisco's, which other makers use, too. */
export const TUNNEL_MAC = '01:00:0c:cd:cd:d0';

/** What the port carries, if it is the end of a tunnel. */
export function carriedProtocols({
  tunnel_protocols = [],
}: Pick<PortConfig, 'tunnel_protocols'>): L2cpName[] {
  return tunnel_protocols;
}

export function checkProtocolTunnels(name: string, bridge: BridgeConfig, problems: Problem[]): void {
  for (const [portName, port] of Object.entries(bridge.ports)) {
    const path = ['bridges', name, 'ports', portName];
    const protocols = carriedProtocols(port);
    if (protocols.length > 0) {
      const problem = placeProblem(port);
      if (problem !== undefined) problems.push({ path: [...path, 'tunnel_protocols'], message: problem });
    } else {
      for (const key of ['tunnel_protocols_limit', 'tunnel_protocols_action'] as const)
        if (port[key] !== undefined)
          problems.push({
            path: [...path, key],
            message: 'no protocols are carried here: list tunnel_protocols',
          });
    }
    for (const [index, protocol] of protocols.entries()) {
      const message =
        protocols.indexOf(protocol) < index
          ? `${protocol} is listed twice`
          : speakerProblem(bridge, port, protocol);
      if (message !== undefined) problems.push({ path: [...path, 'tunnel_protocols', index], message });
    }
  }
}

function placeProblem({ type, vlan }: PortConfig): string | undefined {
  if (type === 'vxlan')
    return 'a VXLAN port leads to other switches, not to a customer: list them at his port';
  if (vlan === undefined || !('tunnel' in vlan))
    return "only a customer's port carries his protocols: give its vlan a tunnel, as tunnel: 100";
  if (typeof vlan.tunnel === 'object' && vlan.native === undefined)
    return 'control frames are untagged, and the tunnel takes none: set native in its vlan';
  return undefined;
}

/** Who else would take the protocol's frames. LLDP that only listens gives way. */
function speakerProblem(bridge: BridgeConfig, port: PortConfig, protocol: string): string | undefined {
  if (protocol === 'stp' && isStpOn(bridge) && !isProvider(bridge)) {
    const { guard } = portStp(port, { protocol: 'rstp' });
    if (!guard.includes('filter'))
      return 'the spanning tree of the bridge takes BPDUs here: set stp: { guard: filter } on the port, or vlan_protocol: 802.1ad on the bridge';
  }
  const devices = [port, ...Object.values(membersOf(port))];
  if (protocol === 'lldp' && devices.some((device) => 'lldp' in device && device.lldp === true))
    return 'the switch itself speaks LLDP here: set lldp to false';
  if (protocol === 'lacp' && port.type === 'aggregate' && port.lacp !== 'off')
    return 'the aggregate itself speaks LACP: set its lacp to off';
  return undefined;
}
