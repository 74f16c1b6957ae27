// What a port knows: port protocol migration, bridge detection and port information, IEEE 802.1D-2004 clauses 17.24, 17.25
// and 17.27.

import type { Bpdu } from '../../wire/bpdu.ts';
import { aged, MIGRATE_TIME, type RstpBridge } from './rstp_bridge.ts';
import { isSameTimes, type RstpPort, type Times } from './rstp_port.ts';
import { believedTimes, compareVectors, isSameBridge } from './tree.ts';

/** The number of a port in its ID, clause 9.2.7. */
const PORT_NUMBER = 0xfff;

export function migrate(bridge: RstpBridge, port: RstpPort): void {
  const isOver = bridge.now >= port.mdelayWhile;
  if (!port.spec.isUp) {
    port.sendRSTP = true;
    port.mdelayWhile = bridge.now + MIGRATE_TIME;
    port.rcvdRSTP = false;
    port.rcvdSTP = false;
  } else if (!isOver) {
    // What comes right after a change says nothing: it may have been sent before.
    port.rcvdRSTP = false;
    port.rcvdSTP = false;
  } else if (port.sendRSTP ? port.rcvdSTP : port.rcvdRSTP) {
    port.sendRSTP = !port.sendRSTP;
    port.mdelayWhile = bridge.now + MIGRATE_TIME;
  }
}

/**
 * Stricter than the standard: a port that heard a bridge since it is up is no edge, even if that falls silent. It may be
 * deaf since then, and would open a loop.
 */
export function detectEdge(bridge: RstpBridge, port: RstpPort): void {
  const { spec } = port;
  if (!spec.isUp) {
    port.operEdge = spec.edge === true;
    port.hasHeard = false;
  } else if (spec.edge === 'auto' && !port.hasHeard && port.sendRSTP && port.proposing) {
    if (bridge.now >= port.edgeDelayWhile) port.operEdge = true;
  }
}

export function information(bridge: RstpBridge, port: RstpPort): boolean {
  const { spec } = port;
  if (!spec.isUp) {
    if (port.infoIs === 'disabled') return false;
    port.proposing = false;
    port.proposed = false;
    port.agree = false;
    port.agreed = false;
    port.infoIs = 'disabled';
    port.selectAnew();
    return true;
  }
  if (port.infoIs === 'disabled') {
    port.infoIs = 'aged';
    port.helloWhen = bridge.nextHello();
    port.mdelayWhile = bridge.now + MIGRATE_TIME;
    port.newInfo = true;
    port.selectAnew();
    return true;
  }
  if (port.selected && port.updtInfo) {
    const isAsGood =
      port.infoIs === 'mine' && compareVectors(port.designatedPriority, port.portPriority) <= 0;
    port.proposing = false;
    port.proposed = false;
    port.agreed = port.agreed && isAsGood;
    port.synced = port.synced && port.agreed;
    port.portPriority = port.designatedPriority;
    port.portTimes = port.designatedTimes;
    port.updtInfo = false;
    port.infoIs = 'mine';
    port.newInfo = true;
    return true;
  }
  if (port.infoIs === 'received' && bridge.now >= port.rcvdInfoWhile && !port.updtInfo) {
    port.infoIs = 'aged';
    if (spec.guard.has('loop')) port.isInconsistent = true;
    port.selectAnew();
    return true;
  }
  return false;
}

/** What a BPDU says of the tree: rcvInfo and the states that follow it. */
export function inform(bridge: RstpBridge, port: RstpPort, bpdu: Bpdu): void {
  if (port.isInconsistent) {
    port.isInconsistent = false;
    port.forgetInfo();
  }
  const message = { root: bpdu.root, cost: bpdu.rootPathCost, bridge: bpdu.bridge, port: bpdu.port };
  const ours = port.designatedPriority;
  if (bpdu.bridge === ours.bridge && bpdu.port === ours.port) {
    // Our own words: the link ends where it begins.
    dispute(bridge, port);
    return;
  }
  const order = compareVectors(message, port.portPriority);
  if (bpdu.role === 'root' || bpdu.role === 'alternate') {
    if (order < 0) return;
    recordAgreement(port, bpdu);
    setTcFlags(port, bpdu);
    return;
  }
  if (bpdu.role !== 'designated') return;
  const times = timesOf(bpdu);
  const isSameSender =
    isSameBridge(message.bridge, port.portPriority.bridge) &&
    (message.port & PORT_NUMBER) === (port.portPriority.port & PORT_NUMBER);
  const isRepeated = order === 0 && port.infoIs === 'received' && isSameTimes(times, port.portTimes);
  if (isRepeated) {
    if (bpdu.proposal) port.proposed = true;
    setTcFlags(port, bpdu);
    recordAgreement(port, bpdu);
    startInfoTimer(bridge, port);
  } else if (order <= 0 || isSameSender) {
    port.agreed = false;
    port.proposing = false;
    if (bpdu.proposal) port.proposed = true;
    setTcFlags(port, bpdu);
    port.agree = port.agree && port.infoIs === 'received' && order <= 0;
    recordAgreement(port, bpdu);
    port.synced = port.synced && port.agreed;
    port.portPriority = message;
    port.portTimes = times;
    startInfoTimer(bridge, port);
    port.infoIs = 'received';
    port.selectAnew();
  } else {
    // It does not hear that we know better, and it is about to forward.
    if (bpdu.kind === 'rst' && bpdu.learning) dispute(bridge, port);
    // One that has just started need not wait for the next hello.
    port.newInfo = true;
  }
}

function dispute(bridge: RstpBridge, port: RstpPort): void {
  const silence = 3 * port.designatedTimes.helloTime;
  port.disputed = true;
  port.disputedWhile = bridge.now + silence;
  port.agreed = false;
  port.fdWhile = bridge.now + Math.max(silence, port.forwardDelay);
}

function recordAgreement(port: RstpPort, bpdu: Bpdu): void {
  port.agreed = port.spec.pointToPoint && bpdu.kind === 'rst' && bpdu.agreement;
  if (port.agreed) port.proposing = false;
}

function startInfoTimer(bridge: RstpBridge, port: RstpPort): void {
  const { messageAge, maxAge, helloTime } = port.portTimes;
  port.rcvdInfoWhile = aged(messageAge) <= maxAge ? bridge.now + 3 * helloTime : bridge.now;
}

function setTcFlags(port: RstpPort, bpdu: Bpdu): void {
  if (port.spec.guard.has('tcn')) return;
  if (bpdu.topologyChange) port.rcvdTc = true;
  if (bpdu.topologyChangeAck) port.rcvdTcAck = true;
}

/** recordTimes, clause 17.21.15. */
function timesOf(bpdu: Bpdu): Times {
  return { messageAge: bpdu.messageAge, ...believedTimes(bpdu) };
}
