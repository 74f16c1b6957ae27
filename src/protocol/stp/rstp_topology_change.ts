// Topology change, IEEE 802.1D-2004 clause 17.31: what was learned is forgotten where a way may have changed.

import { type RstpBridge, SECOND } from './rstp_bridge.ts';
import type { RstpPort } from './rstp_port.ts';

export function topologyChange(bridge: RstpBridge, port: RstpPort): boolean {
  const isActiveRole = port.role === 'root' || port.role === 'designated';
  if (port.tcState === 'inactive') {
    if (!port.learn) return false;
    port.tcState = 'learning';
    return true;
  }
  if (port.tcState === 'learning') {
    port.rcvdTc = false;
    port.rcvdTcn = false;
    port.rcvdTcAck = false;
    port.tcProp = false;
    if (isActiveRole && port.forward && !port.operEdge) {
      startTcTimer(bridge, port);
      propagate(bridge, port);
      port.newInfo = true;
      port.tcState = 'active';
      bridge.output.topologyChanged(port.spec.name);
      return true;
    }
    if (isActiveRole || port.learn || port.learning) return false;
    port.tcState = 'inactive';
    port.tcWhile = 0;
    port.tcAck = false;
    bridge.output.flush(port.spec.name);
    return true;
  }
  return activeTopologyChange(bridge, port, isActiveRole);
}

/**
 * Stricter than the standard: a port that was closed and opens again has changed the way, whatever its role is. The
 * standard tells of it only if the port had another role meanwhile, and a link that fails and heals in silence leaves
 * stations where they were.
 */
function activeTopologyChange(bridge: RstpBridge, port: RstpPort, isActiveRole: boolean): boolean {
  if (!isActiveRole || port.operEdge || !port.forward) {
    port.tcState = 'learning';
    return true;
  }
  if (port.rcvdTcn || port.rcvdTc) {
    if (port.rcvdTcn) startTcTimer(bridge, port);
    if (port.role === 'designated' && port.rcvdTcn) port.tcAck = true;
    port.rcvdTcn = false;
    port.rcvdTc = false;
    propagate(bridge, port);
    return true;
  }
  if (port.tcProp) {
    startTcTimer(bridge, port);
    port.tcProp = false;
    bridge.output.flush(port.spec.name);
    return true;
  }
  if (!port.rcvdTcAck) return false;
  port.tcWhile = 0;
  port.rcvdTcAck = false;
  return true;
}

function startTcTimer(bridge: RstpBridge, port: RstpPort): void {
  if (bridge.now < port.tcWhile) return;
  const { maxAge, forwardDelay, helloTime } = port.designatedTimes;
  port.tcWhile = bridge.now + (port.sendRSTP ? helloTime + SECOND : maxAge + forwardDelay);
  if (port.sendRSTP) port.newInfo = true;
}

function propagate(bridge: RstpBridge, from: RstpPort): void {
  for (const port of bridge.ports) if (port !== from) port.tcProp = true;
}
