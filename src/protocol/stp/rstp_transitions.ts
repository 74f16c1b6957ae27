// Port role transitions, IEEE 802.1D-2004 clause 17.29: who may learn and forward, and when.

import type { PortRole } from '../../api.ts';
import { MIGRATE_TIME, type RstpBridge } from './rstp_bridge.ts';
import type { RstpPort } from './rstp_port.ts';

export function roleTransition(bridge: RstpBridge, port: RstpPort): boolean {
  if (!port.selected || port.updtInfo) return false;
  if (port.role !== port.selectedRole) {
    enterRole(bridge, port, port.selectedRole);
    return true;
  }
  if (port.role === 'root') return rootTransition(bridge, port);
  if (port.role === 'designated') return designatedTransition(bridge, port);
  return blockedTransition(bridge, port);
}

function enterRole(bridge: RstpBridge, port: RstpPort, role: PortRole): void {
  const { now } = bridge;
  const { forwardDelay, maxAge, helloTime } = port.designatedTimes;
  if (port.role === 'root') port.rrWhile = now + forwardDelay;
  if (port.role === 'alternate' || port.role === 'backup') port.fdWhile = now + forwardDelay;
  if (port.role === 'backup') port.rbWhile = now + 2 * helloTime;
  if (port.role === 'disabled') port.fdWhile = now + maxAge;
  port.role = role;
  if (role === 'root' || role === 'designated') return;
  port.learn = false;
  port.forward = false;
}

function blockedTransition(bridge: RstpBridge, port: RstpPort): boolean {
  if (!port.isBlocked) return false;
  if (port.sync || port.reRoot || !port.synced || bridge.now < port.rrWhile) {
    port.synced = true;
    port.sync = false;
    port.reRoot = false;
    port.rrWhile = 0;
    port.disputed = false;
    return true;
  }
  return port.role !== 'disabled' && answerProposal(bridge, port);
}

/** As a root or alternate port: what lies behind us has to be in sync before we agree. */
function answerProposal(bridge: RstpBridge, port: RstpPort): boolean {
  if (port.proposed && !port.agree) {
    for (const other of bridge.ports) other.sync = true;
    port.proposed = false;
    return true;
  }
  if ((!port.agree && allSynced(bridge)) || (port.proposed && port.agree)) {
    port.proposed = false;
    port.sync = false;
    port.agree = true;
    port.newInfo = true;
    return true;
  }
  return false;
}

function rootTransition(bridge: RstpBridge, port: RstpPort): boolean {
  if (answerProposal(bridge, port)) return true;
  if ((port.agreed && !port.synced) || (port.sync && port.synced)) {
    port.synced = true;
    port.sync = false;
    return true;
  }
  if (!port.forward && !port.reRoot) {
    for (const other of bridge.ports) other.reRoot = true;
    return true;
  }
  if (port.reRoot && port.forward) {
    port.reRoot = false;
    return true;
  }
  const mayOpen = bridge.now >= port.fdWhile || (bridge.now >= port.rbWhile && reRooted(bridge, port));
  return mayOpen && open(bridge, port);
}

function designatedTransition(bridge: RstpBridge, port: RstpPort): boolean {
  const { now } = bridge;
  if (!port.forward && !port.agreed && !port.proposing && !port.operEdge) {
    port.proposing = true;
    port.edgeDelayWhile = now + edgeDelay(bridge, port);
    port.newInfo = true;
    return true;
  }
  const isInSync = port.isBlocked || port.agreed || port.operEdge;
  if (port.synced ? port.sync : isInSync) {
    port.rrWhile = 0;
    port.synced = true;
    port.sync = false;
    return true;
  }
  if (now >= port.rrWhile && port.reRoot) {
    port.reRoot = false;
    return true;
  }
  const isRetiring = port.reRoot && now < port.rrWhile;
  if (port.operEdge || !(port.learn || port.forward)) port.disputed = false;
  if (((port.sync && !port.synced) || isRetiring || port.disputed) && !port.operEdge && port.learn) {
    port.learn = false;
    port.forward = false;
    port.disputed = false;
    port.fdWhile = Math.max(port.disputedWhile, now + port.forwardDelay);
    return true;
  }
  const mayOpen = now >= port.fdWhile || port.agreed || port.operEdge;
  if (!mayOpen || isRetiring || port.sync || !open(bridge, port)) return false;
  if (port.forward) port.agreed = port.sendRSTP;
  return true;
}

/** One step on the way to forwarding, if one is left. No port opens while another one has yet to close. */
function open(bridge: RstpBridge, port: RstpPort): boolean {
  if (port.forward) return false;
  if (port.learn && bridge.isClosing()) return false;
  if (port.learn) port.forward = true;
  // Before it forwards the neighbour hears of it, who may have a reason to dispute.
  else port.newInfo = true;
  port.learn = true;
  port.fdWhile = port.forward ? 0 : bridge.now + port.forwardDelay;
  return true;
}

/** A port that is to be blocked is in sync when it is. */
function allSynced(bridge: RstpBridge): boolean {
  return bridge.ports.every(({ selected, role, selectedRole, synced, isBlocked }) => {
    if (!selected || role !== selectedRole) return false;
    return role === 'root' || (synced && (role === 'designated' || isBlocked));
  });
}

function reRooted(bridge: RstpBridge, port: RstpPort): boolean {
  return bridge.ports.every(
    (other) => other === port || (other.role !== 'root' && bridge.now >= other.rrWhile),
  );
}

function edgeDelay(bridge: RstpBridge, { spec }: RstpPort): number {
  return spec.pointToPoint ? MIGRATE_TIME : bridge.rootTimes.maxAge;
}
